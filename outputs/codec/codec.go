// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"fmt"

	"github.com/elastic/beats/v7/libbeat/beat"
	conf "github.com/elastic/elastic-agent-libs/config"

	"filebeat-websocket/outputs/sharedfields"
)

// Encoder turns one event into one record. It is used by one goroutine at a
// time, and is cheap to create: libbeat makes one per producer, and filestream
// opens a producer for every file.
type Encoder interface {
	// Append appends the record of event to dst and returns the extended slice.
	// On error, which is a *DropError, the returned slice has dst's length and
	// contents. Append keeps neither dst nor event and does not change event.
	Append(dst []byte, event *beat.Event) ([]byte, error)
}

// Sharing is an Encoder that writes an event whose other fields are shared with further
// events, as if they were the event's own.
type Sharing interface {
	Encoder
	// AppendShared is Append of such an event.
	AppendShared(dst []byte, event *beat.Event, shared *sharedfields.Fields) ([]byte, error)
}

// Identifying is a Sharing that takes the id of an event beside it: a string in a map would
// be allocated and looked up for each event.
type Identifying interface {
	Sharing
	// AppendIdentified is AppendShared of an event whose metadata would be nothing but the
	// entry _id, which needs no escaping. shared may be nil.
	AppendIdentified(dst []byte, event *beat.Event, shared *sharedfields.Fields, id []byte) ([]byte, error)
}

// Factory checks cfg, the codec's own section of options, which may be nil, and
// returns the function that makes one Encoder per producer. That function may be
// called by several goroutines at the same time.
type Factory func(info beat.Info, cfg *conf.C) (func() Encoder, error)

// New looks a codec up by name and gives it its section of options, which may be
// nil. The error for an unknown name lists the known ones.
func New(name string, info beat.Info, cfg *conf.C) (newEncoder func() Encoder, binary bool, err error) {
	kind, err := Get(name)
	if err != nil {
		return nil, false, err
	}
	newEncoder, err = kind.New(info, cfg)
	if err != nil {
		return nil, false, fmt.Errorf("codec %s: %w", name, err)
	}
	return newEncoder, kind.Binary, nil
}
