// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

import (
	"fmt"
	"math"
	"slices"
	"unsafe"

	"filebeat-websocket/receiver/internal/jsonscan"
)

// Records are the records of one message. The zero value is ready for a Decoder;
// it is used for one message after another.
//
// The records of a message are either all slices of it, or all in written.
type Records struct {
	records [][]byte // slices of the message; all records once Finish was called
	loose   []int    // indexes of records that have line breaks to be taken out
	written []byte   // the other records, one after the other
	ends    []int    // where each of them ends
	bad     []int    // indexes in the message of records that are not in records, rising
	problem error    // with the first of bad
	format  string   // what the message was read as

	chunks       []string // the ids of Forward requests, empty where there is none
	chunkRecords []int    // how many records each of them has

	limit    int64 // on Memory
	ahead    bool  // see Limit
	exceeded bool  // more memory would have been needed

	unpacker unpacker
	inflated []byte // entries of a Forward request while they are decoded
	pairs    []pair // the fields of a record of text while it is decoded
	text     []byte // holds the parts of fields that had to be decoded
}

// writtenFactor times Options.MaxMessageBytes, plus writtenSlack, is the maximum length
// of records that are written anew. Control characters make
// raw's six times as long as the line. Without a bound a Forward tag, which goes
// into each record, could be multiplied by the number of these.
const (
	writtenFactor = 8
	writtenSlack  = 64 << 10
)

func (l *Records) reset() {
	// So that the pool does not keep other messages in memory.
	clear(l.records)
	clear(l.chunks)
	l.records, l.loose, l.written, l.ends = l.records[:0], l.loose[:0], l.written[:0], l.ends[:0]
	l.bad, l.problem, l.format = l.bad[:0], nil, ""
	l.chunks, l.chunkRecords = l.chunks[:0], l.chunkRecords[:0]
	l.pairs, l.text = l.pairs[:0], l.text[:0]
	l.unpacker = unpacker{}
}

// Limit bounds Memory for the messages that come next, approximately: decoding stops with
// ErrMemory where it would get beyond. 0 means no limit. With ahead it stops before records
// are written that could be too long, and not only after the first that is.
func (l *Records) Limit(bytes int64, ahead bool) { l.limit, l.ahead = bytes, ahead }

// Memory is how many bytes the list holds beside the message, used or not.
func (l *Records) Memory() int64 {
	const header, word = int64(unsafe.Sizeof([]byte{})), int64(unsafe.Sizeof(0))
	return header*int64(cap(l.records)+cap(l.chunks)) +
		word*int64(cap(l.loose)+cap(l.ends)+cap(l.bad)+cap(l.chunkRecords)) +
		int64(cap(l.written)+cap(l.inflated)+cap(l.text)) +
		int64(unsafe.Sizeof(pair{}))*int64(cap(l.pairs))
}

// room reports whether there is memory for one more record, which may have so many
// bytes, and notes if not.
func (l *Records) room(bytes int) bool {
	if !l.ahead {
		bytes = 0
	}
	if l.limit > 0 && l.Memory()+int64(bytes) > l.limit {
		l.exceeded = true
	}
	return !l.exceeded
}

// expect makes room for records that are about as long as so many bytes of MessagePack,
// if there is memory for it: growing to them would copy them as often as it takes, and
// leave twice as much garbage.
func (l *Records) expect(bytes int) {
	bytes += bytes / 8 // for quotes and tags
	if int64(bytes) <= l.left()/2 {
		l.written = slices.Grow(l.written, bytes)
	}
}

// left returns how much memory is left below the limit.
func (l *Records) left() int64 {
	if l.limit == 0 {
		return math.MaxInt64
	}
	return max(l.limit-l.Memory(), 0)
}

// unpack returns the list's unpacker, from the beginning of data.
func (l *Records) unpack(data []byte) *unpacker {
	l.unpacker = unpacker{data: data, rest: data}
	return &l.unpacker
}

// refuse leaves out the record that would come next. problem is as decode's.
func (l *Records) refuse(problem error) {
	if !l.room(0) {
		return
	}
	if l.problem == nil {
		l.problem = problem
	}
	l.bad = append(l.bad, l.Total())
}

// good is the number of records that could be read.
func (l *Records) good() int { return max(len(l.records), len(l.ends)) }

// Total is the number of records in the message, with those that could not be read.
func (l *Records) Total() int { return l.good() + len(l.bad) }

// add adds a JSON value that stands in the message.
func (l *Records) add(value []byte, lineBreaks bool) {
	if !l.room(0) {
		return
	}
	if lineBreaks {
		l.loose = append(l.loose, len(l.records))
	}
	l.records = append(l.records, value)
}

// wrote adds the JSON value at the end of written, or returns an error if written is too
// long.
func (l *Records) wrote(o *Options) error {
	if !l.room(0) {
		return errMemory
	}
	l.ends = append(l.ends, len(l.written))
	if limit := writtenFactor*o.MaxMessageBytes + writtenSlack; int64(len(l.written)) > limit {
		return fmt.Errorf("records are longer than %d bytes as JSON", limit)
	}
	return nil
}

// Finish returns the records, each without line breaks. It compacts them only now because
// that changes the message, which a decoder may still read as another format; and it
// splits written only now because written can move while it grows.
func (l *Records) Finish() [][]byte {
	for _, i := range l.loose {
		l.records[i] = jsonscan.Compact(l.records[i])
	}
	start := 0
	for _, end := range l.ends {
		l.records = append(l.records, l.written[start:end:end])
		start = end
	}
	return l.records
}

// Format is the name of the format that the message was read as: with auto, the one that
// was detected.
func (l *Records) Format() string { return l.format }

// Bad are the indexes in the message, rising, of the records that could not be
// read. Problem says what is wrong with the first of them, as Decode's error does;
// it is nil if there are none.
func (l *Records) Bad() []int { return l.bad }

// Problem is explained at Bad.
func (l *Records) Problem() error { return l.problem }

// Chunks are the ids of the Fluent Forward requests in the message, in order, empty
// for one without; nil if it holds none.
func (l *Records) Chunks() []string { return l.chunks }

// ChunkRecords has how many records each request of Chunks holds.
func (l *Records) ChunkRecords() []int { return l.chunkRecords }

// ChunkIDs returns a copy of Chunks without the empty ones.
func (l *Records) ChunkIDs() []string {
	var ids []string
	for _, id := range l.chunks {
		if id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}
