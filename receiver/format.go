// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"fmt"
	"maps"
	"slices"
)

// message is what a format decodes. data may be changed by recordList.finish,
// but not by the decoder.
type message struct {
	data    []byte
	binary  bool     // frame type; a text message has been checked to be UTF-8
	options *Options // of the Handler, complete
}

// format is one way to put records into messages. Each is a file of its own,
// which registers it.
type format struct {
	frames frameTypes
	// decode adds the records of m to list, or refuses single ones where the rest
	// can be told from them. An error says what is wrong with the message, in at
	// most 123 bytes and without its content: the client gets to read it.
	decode func(m message, list *recordList) error
}

// frameTypes are the frame types that a format takes.
type frameTypes int

const (
	textFrames frameTypes = iota
	binaryFrames
	allFrames
)

// take tells whether a message of that frame type is taken.
func (f frameTypes) take(binary bool) bool {
	return f == allFrames || (f == binaryFrames) == binary
}

func (f frameTypes) String() string {
	return [...]string{"text", "binary", "all"}[f]
}

var formats = map[string]format{}

// register is called from init functions only.
func register(name string, f format) {
	formats[name] = f
}

// Formats returns the names for Options.Format, sorted.
func Formats() []string {
	return slices.Sorted(maps.Keys(formats))
}

// recordList collects the records of one message. It is used again and again.
// The records of a message stand either all in it or all in written.
type recordList struct {
	records [][]byte // that stand in the message; all of them once finish was called
	loose   []int    // indexes of records that have line breaks to be taken out
	written []byte   // the other records, one after the other
	ends    []int    // where each of them ends
	bad     []int    // indexes in the message of records that are not in records, rising
	problem error    // with the first of bad
	format  string   // that auto found the message to be; else empty

	chunks       []string // the ids of Forward requests, empty where there is none
	chunkRecords []int    // how many records each of them has

	unpacker unpacker
	inflated []byte // entries of a Forward request while they are decoded
	pairs    []pair // the fields of a record of text while it is decoded
	text     []byte // where those of them stand that are not as they are in the message
}

// writtenFactor times Options.MaxMessageBytes, and writtenSlack, is how long
// records can get that do not stand in the message. Control characters make
// raw's six times as long as the line. Without a bound a Forward tag, which goes
// into each record, could be multiplied by the number of these.
const (
	writtenFactor = 8
	writtenSlack  = 64 << 10
)

func (l *recordList) reset() {
	// So that the pool does not hold on to other messages.
	clear(l.records)
	clear(l.chunks)
	l.records, l.loose, l.written, l.ends = l.records[:0], l.loose[:0], l.written[:0], l.ends[:0]
	l.bad, l.problem, l.format = l.bad[:0], nil, ""
	l.chunks, l.chunkRecords = l.chunks[:0], l.chunkRecords[:0]
	l.pairs, l.text = l.pairs[:0], l.text[:0]
	l.unpacker = unpacker{}
}

// unpack returns the list's unpacker, from the beginning of data.
func (l *recordList) unpack(data []byte) *unpacker {
	l.unpacker = unpacker{data: data, rest: data}
	return &l.unpacker
}

// refuse leaves out the record that would come next. problem is as decode's.
func (l *recordList) refuse(problem error) {
	if l.problem == nil {
		l.problem = problem
	}
	l.bad = append(l.bad, l.total())
}

// good is the number of records in the message that were taken.
func (l *recordList) good() int { return max(len(l.records), len(l.ends)) }

// total is the number of records in the message, good and bad.
func (l *recordList) total() int { return l.good() + len(l.bad) }

// add adds a JSON value that stands in the message.
func (l *recordList) add(value []byte, lineBreaks bool) {
	if lineBreaks {
		l.loose = append(l.loose, len(l.records))
	}
	l.records = append(l.records, value)
}

// wrote adds the JSON value at the end of written, or says that there is too
// much there.
func (l *recordList) wrote(o *Options) error {
	l.ends = append(l.ends, len(l.written))
	if limit := writtenFactor*o.MaxMessageBytes + writtenSlack; int64(len(l.written)) > limit {
		return fmt.Errorf("records are longer than %d bytes as JSON", limit)
	}
	return nil
}

// finish returns the records, each without line breaks. Compacting waits until
// here because it changes the message, and a decoder may still turn to another
// reading of that; cutting up what was written, because that can move while it
// grows.
func (l *recordList) finish() [][]byte {
	for _, i := range l.loose {
		l.records[i] = compact(l.records[i])
	}
	start := 0
	for _, end := range l.ends {
		l.records = append(l.records, l.written[start:end:end])
		start = end
	}
	return l.records
}

// chunkIDs returns a copy of chunks without the empty ones.
func (l *recordList) chunkIDs() []string {
	var ids []string
	for _, id := range l.chunks {
		if id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}
