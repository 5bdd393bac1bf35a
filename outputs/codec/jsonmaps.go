// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

const (
	// maxKnownMaps is how many maps an encoder remembers. A Beat's own (agent,
	// ecs, host, input, log.file) and those of a container's metadata fit.
	maxKnownMaps = 16
	// maxKnownBytes is the longest JSON of a map that is remembered. There is an
	// encoder for each open file.
	maxKnownBytes = 1 << 10
	// patience is how often in a row a map may differ from the remembered one before the
	// encoder stops remembering it.
	patience = 4
)

// knownMaps remembers maps of strings that were written, with their JSON: many
// parts of an event are the same for all events of a file. Looking up what is
// expected, instead of iterating over a map and encoding it, takes a third off the
// time for a usual event (testing/bench/results/benchmarks.md).
type knownMaps struct {
	maps []knownMap // few: looked through from the start
}

type knownMap struct {
	key    string   // whose value it is
	names  []string // of its entries
	values []string // of the entry of that name
	json   []byte   // of the map
	misses int      // since it was last found
}

// append appends the JSON of m, the value of key, and reports whether it is known.
func (k *knownMaps) append(dst []byte, key string, m map[string]any) ([]byte, bool) {
	for i := range k.maps {
		known := &k.maps[i]
		if known.key != key {
			continue
		}
		if known.is(m) {
			known.misses = 0
			return append(dst, known.json...), true
		}
		known.misses++
		return dst, false
	}
	return dst, false
}

func (k *knownMap) is(m map[string]any) bool {
	if len(m) != len(k.names) || k.misses > patience {
		return false
	}
	for i, name := range k.names {
		if value, ok := m[name].(string); !ok || value != k.values[i] {
			return false
		}
	}
	return true
}

// learn remembers the JSON of m, the value of key, if m is likely to come again.
func (k *knownMaps) learn(key string, m map[string]any, json []byte) {
	if len(json) > maxKnownBytes {
		return
	}
	known := k.entry(key)
	if known == nil || known.misses > patience {
		return
	}
	known.names, known.values = known.names[:0], known.values[:0]
	for name, v := range m {
		value, ok := v.(string)
		if !ok {
			known.misses = patience + 1 // a map with numbers or maps in it
			return
		}
		known.names, known.values = append(known.names, name), append(known.values, value)
	}
	known.json = append(known.json[:0], json...)
}

// entry returns the place for the map of key, nil if all places are taken.
func (k *knownMaps) entry(key string) *knownMap {
	for i := range k.maps {
		if k.maps[i].key == key {
			return &k.maps[i]
		}
	}
	if len(k.maps) == maxKnownMaps {
		return nil
	}
	k.maps = append(k.maps, knownMap{key: key})
	return &k.maps[len(k.maps)-1]
}
