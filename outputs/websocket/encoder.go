// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"bytes"
	"errors"
	"sync"
	"unicode/utf8"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/publisher"
	"github.com/elastic/beats/v7/libbeat/publisher/queue"

	"filebeat-websocket/outputs/codec"
)

// Reasons for dropping an event that are not a codec's own.
const (
	reasonMaxLen          = "max_len"
	reasonMaxMessageBytes = "max_message_bytes"
)

// record is one encoded event, or the reason why there is none. It travels
// through the queue in the place of the event's content.
type record struct {
	data   []byte
	reason string // why the event has to be dropped, empty if it can be sent
	err    error  // says more about the reason, never content of the event
}

// records holds records whose event was confirmed, so that their memory serves
// the next events. Only a delivery puts a record here, and only once the
// pipeline has no more use for its event.
var records = sync.Pool{New: func() any { return new(record) }}

// keepRecordBytes is the largest record whose memory is kept for others.
const keepRecordBytes = 16 << 10

func (r *record) recycle() {
	if cap(r.data) > keepRecordBytes {
		return
	}
	*r = record{data: r.data[:0]}
	records.Put(r)
}

// encoder encodes events when they enter the queue (early encoding). libbeat
// makes one per producer, and filestream has a producer per file, so it holds no
// buffer: those are pooled.
type encoder struct {
	codec          codec.Encoder
	binary         bool
	maxLen         int // longest log line in bytes, 0 for no limit
	maxRecordBytes int // longest record that fits into a message
}

func newEncoderFactory(format *wireFormat, maxLen, maxMessageBytes byteSize) queue.EncoderFactory {
	maxRecordBytes := int(maxMessageBytes) - format.framing.Size(1, 0)
	return func() queue.Encoder {
		return &encoder{
			codec:          format.newEncoder(),
			binary:         format.binary,
			maxLen:         int(maxLen),
			maxRecordBytes: maxRecordBytes,
		}
	}
}

// EncodeEntry implements queue.Encoder. It is called by the goroutine that owns
// the producer, or by the disk queue's reader.
func (e *encoder) EncodeEntry(entry queue.Entry) (queue.Entry, int) {
	event, ok := entry.(publisher.Event)
	if !ok {
		return entry, 0 // libbeat puts nothing else into the queue
	}
	r := e.encode(&event.Content)
	event.EncodedEvent = r
	event.Content = beat.Event{}
	return event, len(r.data)
}

func (e *encoder) encode(event *beat.Event) *record {
	if e.maxLen > 0 {
		if lineBytes, ok := codec.MessageLen(event); ok && lineBytes > e.maxLen {
			return &record{reason: reasonMaxLen, err: errTooLong}
		}
	}
	r, _ := records.Get().(*record)
	data, err := e.codec.Append(r.data, event)
	if err != nil {
		var drop *codec.DropError
		if errors.As(err, &drop) {
			return &record{reason: drop.Reason, err: err}
		}
		return &record{reason: codec.ReasonEncode, err: err}
	}
	if !e.binary && !utf8.Valid(data) {
		data = bytes.ToValidUTF8(data, []byte("\uFFFD"))
	}
	r.data = data
	if len(data) > e.maxRecordBytes {
		r.recycle()
		return &record{reason: reasonMaxMessageBytes, err: errTooLong}
	}
	return r
}

var errTooLong = errors.New("longer than the limit")

var _ queue.Encoder = (*encoder)(nil)
