// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"bytes"
	"slices"
	"sync"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/elastic-agent-libs/mapstr"
)

// leaf is a value of an event that is not an object, and its name.
type leaf struct {
	kind textKind
	name span // in the flattener's buffer
	// A string of the event is its own text; every other text is in the
	// flattener's buffer.
	ownText string
	text    span
	// taken means that the codec has already written it.
	taken bool
}

type span struct{ start, end int }

// flattener makes a sorted list of the fields of an event. It is taken from a
// pool for each event, so that an Encoder stays small.
type flattener struct {
	values jsonValues
	// separator stands between the names of nested fields.
	separator byte
	// repeat makes a leaf of every entry of a list.
	repeat bool

	leaves []leaf
	buffer []byte
	path   []byte // of the field that is being added
}

var flatteners = sync.Pool{New: func() any { return new(flattener) }}

// longestPooled is the maximum length in bytes of a buffer that goes back to the
// pool. Longer ones are freed, so that the pool does not keep the longest lines.
const longestPooled = 16 << 10

// flatten returns the fields of event and its _id, if it has one, sorted by name.
// The caller releases the flattener.
func flatten(event *beat.Event, times timeFormat, separator byte, repeat bool) (*flattener, error) {
	f, _ := flatteners.Get().(*flattener)
	f.values.times, f.separator, f.repeat = times, separator, repeat
	if err := f.addEvent(event); err != nil {
		f.release()
		return nil, err
	}
	slices.SortFunc(f.leaves, f.compare)
	return f, nil
}

// release returns f to the pool, without references to the event.
func (f *flattener) release() {
	if cap(f.buffer) > longestPooled {
		return
	}
	clear(f.leaves)
	f.leaves, f.buffer, f.path = f.leaves[:0], f.buffer[:0], f.path[:0]
	f.values.other = nil
	flatteners.Put(f)
}

// compare sorts by name. Entries of one list keep their order, which is that of
// their names in the buffer.
func (f *flattener) compare(a, b leaf) int {
	if order := bytes.Compare(f.nameOf(&a), f.nameOf(&b)); order != 0 {
		return order
	}
	return a.name.start - b.name.start
}

func (f *flattener) nameOf(l *leaf) []byte { return f.buffer[l.name.start:l.name.end] }

// textOf returns the text of a leaf that has none of its own.
func (f *flattener) textOf(l *leaf) []byte { return f.buffer[l.text.start:l.text.end] }

// stringOrBytes is what the functions that write names and values accept.
type stringOrBytes interface{ string | []byte }

func (f *flattener) addEvent(event *beat.Event) error {
	if err := f.addMap(event.Fields, 1); err != nil {
		return err
	}
	if id := eventID(event); id != nil {
		f.path = append(f.path[:0], metadataField...)
		return f.addEntry(idField, id, 2)
	}
	return nil
}

func (f *flattener) addMap(m map[string]any, depth int) error {
	if depth > maxDepth {
		return encodeError(errTooDeep)
	}
	for name, v := range m {
		if err := f.addEntry(name, v, depth); err != nil {
			return err
		}
	}
	return nil
}

func (f *flattener) addEntry(name string, v any, depth int) error {
	before := f.enter(name, depth)
	err := f.add(v, depth+1)
	f.path = f.path[:before]
	return err
}

// enter makes name the end of the path and returns how long the path was before.
// Names of depth 1 are those of the event's own fields.
func (f *flattener) enter(name string, depth int) (before int) {
	before = len(f.path)
	if depth > 1 {
		f.path = append(f.path, f.separator)
	}
	f.path = append(f.path, name...)
	return before
}

func (f *flattener) add(v any, depth int) error {
	switch v := v.(type) {
	case string:
		f.addString(v)
		return nil
	case mapstr.M:
		return f.addMap(v, depth)
	case map[string]any:
		return f.addMap(v, depth)
	case map[string]string:
		for name, text := range v {
			before := f.enter(name, depth)
			f.addString(text)
			f.path = f.path[:before]
		}
		return nil
	case []any:
		if f.repeat {
			return addEach(v, depth, f.add)
		}
	case []string:
		if f.repeat {
			for _, text := range v {
				f.addString(text)
			}
			return nil
		}
	case []mapstr.M:
		if f.repeat {
			return addEach(v, depth, f.addMapstr)
		}
	case []map[string]any:
		if f.repeat {
			return addEach(v, depth, f.addMap)
		}
	}
	start := len(f.buffer)
	var kind textKind
	var err error
	if f.buffer, kind, err = f.values.appendText(f.buffer, v, depth); err != nil {
		return err
	}
	if kind == textObject || kind == textList && f.repeat {
		return f.addJSON(start, v, depth)
	}
	f.addLeaf(leaf{kind: kind, text: span{start, len(f.buffer)}})
	return nil
}

func (f *flattener) addString(text string) {
	f.addLeaf(leaf{kind: textString, ownText: text})
}

func (f *flattener) addMapstr(m mapstr.M, depth int) error { return f.addMap(m, depth) }

func addEach[T any](list []T, depth int, add func(T, int) error) error {
	if depth > maxDepth {
		return encodeError(errTooDeep)
	}
	for _, v := range list {
		if err := add(v, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// addJSON replaces v by the value of the JSON that ends the buffer and begins at
// start.
func (f *flattener) addJSON(start int, v any, depth int) error {
	plain, err := decodePlain(f.buffer[start:])
	if err != nil {
		return valueError("cannot make JSON of", v)
	}
	f.buffer = f.buffer[:start]
	return f.add(plain, depth)
}

func (f *flattener) addLeaf(l leaf) {
	l.name.start = len(f.buffer)
	f.buffer = append(f.buffer, f.path...)
	l.name.end = len(f.buffer)
	f.leaves = append(f.leaves, l)
}
