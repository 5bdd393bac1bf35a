// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"fmt"

	"github.com/elastic/beats/v7/libbeat/beat"
	conf "github.com/elastic/elastic-agent-libs/config"

	"filebeat-websocket/outputs/internal/registry"
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

// Factory checks cfg, the codec's own section of options, which may be nil, and
// returns the function that makes one Encoder per producer. That function may be
// called by several goroutines at the same time.
type Factory func(info beat.Info, cfg *conf.C) (func() Encoder, error)

type registration struct {
	binary  bool
	factory Factory
}

var codecs = registry.New[registration]("codec")

// Register makes a codec known by name; binary says that its records are not
// text and need binary frames. It is called from init and panics on a name that
// is taken.
func Register(name string, binary bool, f Factory) {
	codecs.Register(name, registration{binary: binary, factory: f})
}

// New looks a codec up by name and gives it its section of options, which may be
// nil. The error for an unknown name lists the known ones.
func New(name string, info beat.Info, cfg *conf.C) (newEncoder func() Encoder, binary bool, err error) {
	r, err := codecs.Get(name)
	if err != nil {
		return nil, false, err
	}
	newEncoder, err = r.factory(info, cfg)
	if err != nil {
		return nil, false, fmt.Errorf("codec %s: %w", name, err)
	}
	return newEncoder, r.binary, nil
}

// Names returns the names of all codecs, sorted.
func Names() []string { return codecs.Names() }
