// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package identity tells records apart that clients send again, by what package dedup tells
// them apart. Its keys are the same in every process, so that receivers can share an engine
// that knows them; dedup has faster ones for its own memory, with random seeds.
package identity

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"sync"

	"filebeat-websocket/receiver/decode"
	"filebeat-websocket/receiver/internal/jsonscan"
)

// Key stands for something that a client may send again: its sender, its id and its
// content. An id alone could come from the line that is shipped, where anyone may have
// written it.
//
// A collision would lose a record. Keys are 128 bits of SHA-256 digests, so that nobody can
// make one.
type Key [2]uint64

// AppendText appends the key as 32 hexadecimal digits.
func (k Key) AppendText(text []byte) []byte {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:], k[0])
	binary.BigEndian.PutUint64(raw[8:], k[1])
	return hex.AppendEncode(text, raw[:])
}

// From returns the key of what one sender sent. sender is from OfSender.
func (k Key) From(sender Key) Key {
	for half := range k {
		k[half] = scramble(scramble(k[half]) + sender[half])
	}
	return k
}

// At returns the key of a record by its place in what k stands for.
func (k Key) At(index int) Key { return k.From(Key{uint64(index) + 1, uint64(index) + 1}) }

// scramble makes each bit depend on all others: it is the finalizer of MurmurHash3.
func scramble(h uint64) uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

func keyOf(digest [sha256.Size]byte) Key {
	return Key{binary.BigEndian.Uint64(digest[:]), binary.BigEndian.Uint64(digest[8:])}
}

// OfSender returns what From needs of a Peer.Sender.
func OfSender(sender string) Key { return keyOf(sha256.Sum256([]byte(sender))) }

// OfRequest is the key of a Forward request with a chunk, from any sender.
func OfRequest(chunk string, records [][]byte) Key {
	w, _ := writers.Get().(*writer)
	defer writers.Put(w)
	w.text = binary.AppendUvarint(append(w.text[:0], "request "...), uint64(len(chunk)))
	w.text = append(w.text, chunk...)
	for _, record := range records {
		w.text = binary.AppendUvarint(w.text, uint64(len(record)))
		digest := sha256.Sum256(record)
		w.text = append(w.text, digest[:]...)
	}
	return keyOf(sha256.Sum256(w.text))
}

// OfRecord is the key of a record, which is JSON, from any sender. ok is false if the
// record has no id (see recordID), or is not a JSON object to its end, such as half a line.
//
// Other fields of the agent than its id do not count: another run that reads the same line
// has another ephemeral_id. Nor does the time at which the line was read, if the record has
// the line's place in its file instead. The order of members does not count either: it is
// random in what a Beat writes.
func OfRecord(record []byte) (key Key, ok bool) {
	id, agent, ok := recordID(record)
	if !ok {
		return Key{}, false
	}
	w, _ := writers.Get().(*writer)
	defer w.giveBack()
	w.text = append(w.text[:0], "record "...)
	w.text = append(append(w.text, agent...), ' ')
	w.text = append(append(w.text, id...), ' ')
	if !w.event(record) {
		return Key{}, false
	}
	return keyOf(sha256.Sum256(w.text)), true
}

// keptBytes bounds what a writer keeps between records.
const keptBytes = 64 << 10

// writer writes JSON with the members of objects in order.
type writer struct {
	text    []byte
	members []member // of the objects that are being written, the innermost last
}

type member struct{ name, value []byte }

var writers = sync.Pool{New: func() any { return new(writer) }}

func (w *writer) giveBack() {
	clear(w.members[:cap(w.members)]) // so that the pool does not hold on to records
	w.members = w.members[:0]
	if cap(w.text) <= keptBytes && cap(w.members) <= keptBytes/64 {
		writers.Put(w)
	}
}

// event writes what counts of a record, and reports whether that is whole.
func (w *writer) event(record []byte) bool {
	const none = -1
	sawMetadata, sawAgent := false, false // a second one is a field of the event
	time, hasPlace := none, false
	members := decode.MembersOf(record)
	for {
		name, value, ok := members.Next()
		switch {
		case !ok:
			if hasPlace && time != none {
				w.members = slices.Delete(w.members, time, time+1)
			}
			w.sorted(0, anEvent)
			return members.Ended()
		case !sawMetadata && string(name) == MetadataName:
			sawMetadata = true
			continue
		case !sawAgent && string(name) == AgentName:
			sawAgent = true
			continue
		case time == none && string(name) == TimestampName:
			time = len(w.members)
		case string(name) == LogName:
			hasPlace = hasPlace || memberID(value, OffsetName) != nil
		}
		w.members = append(w.members, member{name, value})
	}
}

// sorted writes the members from an index on, and removes them.
func (w *writer) sorted(from int, in object) {
	slices.SortFunc(w.members[from:], func(a, b member) int {
		if order := bytes.Compare(a.name, b.name); order != 0 {
			return order
		}
		return bytes.Compare(a.value, b.value)
	})
	w.text = append(w.text, '{')
	for i := from; i < len(w.members); i++ {
		m := w.members[i]
		w.text = append(append(w.text, m.name...), ':')
		switch {
		case in == anEvent && string(m.name) == LogName:
			w.value(m.value, aLog)
		case in == aLog && string(m.name) == FileName:
			w.value(m.value, aFile)
		default:
			w.value(m.value, anObject)
		}
		w.text = append(w.text, ',')
	}
	w.text = append(w.text, '}')
	w.members = w.members[:from]
}

// object is a kind of object.
type object int

const (
	anObject object = iota
	anEvent
	aLog
	aFile
)

// value writes a value, which is an object of that kind if it is one.
func (w *writer) value(value []byte, kind object) {
	switch {
	case value[0] == '[' && bytes.IndexByte(value, '{') >= 0:
		w.array(value)
		return
	case value[0] != '{':
		w.text = append(w.text, value...)
		return
	}
	from := len(w.members)
	members := decode.MembersOf(value)
	for {
		name, value, ok := members.Next()
		if !ok {
			break
		}
		w.members = append(w.members, member{name, value})
	}
	if kind == aFile {
		w.same(from)
	}
	w.sorted(from, kind)
}

// array writes an array, whose order counts.
func (w *writer) array(array []byte) {
	elements := jsonscan.Scanner{Data: array}
	elements.Take('[')
	w.text = append(w.text, '[')
	for {
		elements.Space()
		if elements.Take(',') {
			elements.Space()
		}
		start := elements.Pos
		if elements.Take(']') || elements.Value(0) != nil {
			break
		}
		w.value(array[start:elements.Pos], anObject)
		w.text = append(w.text, ',')
	}
	w.text = append(w.text, ']')
}

// same leaves those members of log.file that tell which file it is. It is the same one after
// it was renamed, and one that is known by its content also after it was moved to another
// disk.
func (w *writer) same(from int) {
	has := func(names ...string) bool {
		return slices.ContainsFunc(w.members[from:], func(m member) bool {
			return slices.Contains(names, string(m.name))
		})
	}
	counts := func([]byte) bool { return true }
	switch {
	case has(FingerprintName):
		counts = func(name []byte) bool { return string(name) == FingerprintName }
	case has(InodeName, IndexName):
		counts = func(name []byte) bool { return string(name) != PathName }
	}
	kept := slices.DeleteFunc(w.members[from:], func(m member) bool { return !counts(m.name) })
	w.members = w.members[:from+len(kept)]
}
