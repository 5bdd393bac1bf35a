// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"maps"
	"slices"
)

// message is what a format decodes. data may be changed by recordList.finish,
// but not by the decoder.
type message struct {
	data   []byte
	binary bool // frame type; a text message has been checked to be UTF-8
}

// format is one way to put records into messages. Each is a file of its own,
// which registers it.
type format struct {
	// binary tells that binary messages are taken too. Text is always taken.
	binary bool
	// decode adds the records of m to list, or refuses single ones where the rest
	// can be told from them. An error says what is wrong with the message, in at
	// most 123 bytes and without its content: the client gets to read it.
	decode func(m message, list *recordList) error
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
type recordList struct {
	records [][]byte
	loose   []int  // indexes of records that have line breaks to be taken out
	written []byte // where records are that do not stand in the message
	bad     []int  // indexes in the message of records that are not in records, rising
	problem error  // with the first of bad
}

func (l *recordList) reset() {
	clear(l.records) // so that the pool does not hold on to other messages
	l.records, l.loose, l.written = l.records[:0], l.loose[:0], l.written[:0]
	l.bad, l.problem = l.bad[:0], nil
}

// refuse leaves out the record that would come next. problem is as decode's.
func (l *recordList) refuse(problem error) {
	if l.problem == nil {
		l.problem = problem
	}
	l.bad = append(l.bad, l.total())
}

// total is the number of records in the message, good and bad.
func (l *recordList) total() int { return len(l.records) + len(l.bad) }

// add adds a JSON value that stands in the message.
func (l *recordList) add(value []byte, lineBreaks bool) {
	if lineBreaks {
		l.loose = append(l.loose, len(l.records))
	}
	l.records = append(l.records, value)
}

// finish returns the records, each without line breaks. Compacting waits until
// here because it changes the message, and a decoder may still turn to another
// reading of that.
func (l *recordList) finish() [][]byte {
	for _, i := range l.loose {
		l.records[i] = compact(l.records[i])
	}
	return l.records
}
