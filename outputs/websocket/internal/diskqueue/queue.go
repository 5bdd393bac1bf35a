// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package diskqueue

import (
	"github.com/elastic/beats/v7/libbeat/publisher"
	"github.com/elastic/beats/v7/libbeat/publisher/queue"
	"github.com/elastic/elastic-agent-libs/logp"
)

// Factory returns the factory of a queue around the one of inside. renamed is called
// by producers, with the number of keys of an event that were renamed.
func Factory(inside queue.QueueFactory, renamed func(keys int)) queue.QueueFactory {
	return func(log *logp.Logger, observer queue.Observer, inputQueueSize int, encoders queue.EncoderFactory) (queue.Queue, error) {
		q, err := inside(log, observer, inputQueueSize, encoders)
		if err != nil {
			return nil, err
		}
		return readable{q, renamed}, nil
	}
}

// readable is a queue whose producers rename empty keys.
type readable struct {
	queue.Queue
	renamed func(keys int)
}

func (q readable) Producer(config queue.ProducerConfig) queue.Producer {
	return producer{q.Queue.Producer(config), q.renamed}
}

type producer struct {
	queue.Producer
	renamed func(keys int)
}

// Publish implements queue.Producer.
func (p producer) Publish(entry queue.Entry) (queue.EntryID, bool) {
	return p.Producer.Publish(p.withoutEmptyKeys(entry))
}

// TryPublish implements queue.Producer.
func (p producer) TryPublish(entry queue.Entry) (queue.EntryID, bool) {
	return p.Producer.TryPublish(p.withoutEmptyKeys(entry))
}

func (p producer) withoutEmptyKeys(entry queue.Entry) queue.Entry {
	event, isEvent := entry.(publisher.Event)
	if !isEvent {
		return entry
	}
	fields, ofFields := named(event.Content.Fields)
	meta, ofMeta := named(event.Content.Meta)
	if ofFields+ofMeta == 0 {
		return entry
	}
	event.Content.Fields, event.Content.Meta = fields, meta
	p.renamed(ofFields + ofMeta)
	return event
}
