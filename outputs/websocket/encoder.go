// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"bytes"
	"errors"
	"unicode/utf8"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/publisher"
	"github.com/elastic/beats/v7/libbeat/publisher/queue"
	"github.com/elastic/elastic-agent-libs/mapstr"

	"filebeat-websocket/outputs/codec"
	"filebeat-websocket/outputs/eventqueue"
	"filebeat-websocket/outputs/sharedfields"
	"filebeat-websocket/outputs/websocket/internal/ids"
	"filebeat-websocket/outputs/websocket/internal/lag"
)

// encoder encodes events when they enter the queue (early encoding). libbeat makes
// one per producer, and filestream has a producer per file, so an encoder has no
// buffer of its own: buffers are pooled.
type encoder struct {
	codec           codec.Encoder
	sharing         codec.Sharing     // the codec, if it takes shared fields; nil if not
	identifying     codec.Identifying // the codec, if it takes ids beside events; nil if not
	format          *wireFormat
	maxLen          int           // longest log line in bytes, 0 for no limit
	maxMessageBytes int           // longest message, which a record has to fit into
	deadLetter      codec.Encoder // encodes events that are dropped before they have a record; nil without dead letters
	ids             ids.Maker
	id              []byte      // of event, beside which the codec takes it; nil if it has none there
	lag             *lag.Source // nil: not measured
	event           beat.Event  // being encoded; a field, so that it is not allocated each time
}

// newEncoderFactory returns the factory of encoders. The configuration is valid.
func newEncoderFactory(c *config, format *wireFormat, source *ids.Source, tracker *lag.Tracker) queue.EncoderFactory {
	return func() queue.Encoder {
		e := &encoder{
			codec:           format.newEncoder(),
			format:          format,
			maxLen:          int(c.MaxLen),
			maxMessageBytes: int(c.MaxMessageBytes),
			ids:             source.NewMaker(),
		}
		if format.tag == nil {
			e.sharing, _ = e.codec.(codec.Sharing)
			e.identifying, _ = e.codec.(codec.Identifying)
		}
		if tracker != nil {
			e.lag = tracker.NewSource()
		}
		if format.newDeadLetter != nil {
			e.deadLetter = format.newDeadLetter()
		}
		return e
	}
}

// EncodeEntry implements queue.Encoder. It is called by the goroutine of the
// producer, or by the reader of the disk queue.
func (e *encoder) EncodeEntry(entry queue.Entry) (queue.Entry, int) {
	event, ok := entry.(publisher.Event)
	if !ok {
		return entry, 0 // libbeat puts nothing else into the queue
	}
	e.event = event.Content
	var mark lag.Mark
	if e.lag != nil {
		mark = e.lag.See(&e.event)
	}
	r := e.encode(&e.event)
	r.mark = mark
	e.event = beat.Event{}
	event.EncodedEvent = r
	event.Content = beat.Event{}
	return event, len(r.data)
}

func (e *encoder) encode(event *beat.Event) *record {
	shared := sharedfields.Take(event)
	if shared != nil && e.sharing == nil {
		shared.AddTo(event)
		shared = nil
	}
	r, reason, err := e.encodeShared(event, shared)
	if reason == "" {
		return r
	}
	if shared != nil {
		shared.AddTo(event)
	}
	if e.id != nil {
		event.Meta = mapstr.M{ids.Field: string(e.id)}
	}
	return e.drop(event, reason, err)
}

// encodeShared returns the record of an event that has further fields, unless shared
// is nil, or the reason why the event cannot be sent.
func (e *encoder) encodeShared(event *beat.Event, shared *sharedfields.Fields) (_ *record, reason string, _ error) {
	e.id = nil
	if e.maxLen > 0 {
		if lineBytes, ok := codec.MessageLen(event); ok && lineBytes > e.maxLen {
			return nil, reasonMaxLen, errTooLong
		}
	}
	if e.identifying != nil && len(event.Meta) == 0 {
		e.id = e.ids.Make(event)
	} else {
		e.ids.Identify(event)
	}
	r, _ := recordPool.Get().(*record)
	data, err := e.append(r.data, event, shared)
	if err != nil {
		if drop, ok := errors.AsType[*codec.DropError](err); ok {
			return nil, drop.Reason, err
		}
		return nil, codec.ReasonEncode, err
	}
	if !e.format.isJSON && !e.format.binary && !utf8.Valid(data) {
		data = bytes.ToValidUTF8(data, []byte("\uFFFD"))
	}
	r.data, r.isJSON = data, e.format.isJSON
	if e.format.tag != nil {
		r.group = tagOf(e.format.tag, event)
	}
	if e.format.layout(r.group).Size(1, len(data)) > e.maxMessageBytes {
		r.recycle()
		return nil, reasonMaxMessageBytes, errTooLong
	}
	return r, "", nil
}

func (e *encoder) append(dst []byte, event *beat.Event, shared *sharedfields.Fields) ([]byte, error) {
	switch {
	case e.id != nil:
		return e.identifying.AppendIdentified(dst, event, shared, e.id)
	case shared == nil:
		return e.codec.Append(dst, event)
	}
	return e.sharing.AppendShared(dst, event, shared)
}

var errTooLong = errors.New("longer than the limit")

// drop returns a record for an event that cannot be sent.
func (e *encoder) drop(event *beat.Event, reason string, cause error) *record {
	r := &record{reason: reason, err: cause}
	if e.deadLetter != nil {
		if encoded, err := e.deadLetter.Append(nil, event); err == nil {
			r.event = encoded
		}
	}
	return r
}

// Forget implements eventqueue.Forgetter.
func (e *encoder) Forget() {
	if e.lag != nil {
		e.lag.Forget()
	}
}

var _ interface {
	queue.Encoder
	eventqueue.Forgetter
} = (*encoder)(nil)
