// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package deadletter

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/elastic/elastic-agent-libs/logp"
	"github.com/elastic/elastic-agent-libs/monitoring"
)

// maxWaiting is the maximum number of lines that wait for the disk. Further
// lines are discarded and counted as errors: a slow disk must not delay delivery.
const maxWaiting = 4096

// File writes dropped events. It may be used by several goroutines.
type File struct {
	lines   chan []byte
	files   rotation // used by Run only
	log     *logp.Logger
	written *monitoring.Uint
	failed  *monitoring.Uint
}

// Letter is one line.
type Letter struct {
	Time   time.Time       `json:"@timestamp"` // when the event was dropped
	Reason string          `json:"reason"`
	Error  string          `json:"error,omitempty"`
	Event  json.RawMessage `json:"event,omitempty"`         // as Beats' JSON
	Text   string          `json:"record,omitempty"`        // the record, if it is not that
	Binary []byte          `json:"record_base64,omitempty"` // the record, if it is not text
}

// New returns a File, whose lines Run writes.
func New(settings Settings, registry *monitoring.Registry, log *logp.Logger) *File {
	return &File{
		lines:   make(chan []byte, maxWaiting),
		files:   rotation{settings: settings},
		log:     log,
		written: monitoring.NewUint(registry, "written"),
		failed:  monitoring.NewUint(registry, "errors"),
	}
}

// Put queues a line for an event that was dropped now.
func (f *File) Put(letter Letter, now time.Time) {
	letter.Time = now.UTC()
	line, err := json.Marshal(letter)
	if err != nil {
		f.fail(err)
		return
	}
	select {
	case f.lines <- append(line, '\n'):
	default:
		f.fail(errors.New("the disk is too slow"))
	}
}

// Run writes lines until ctx is done and no line waits any more.
func (f *File) Run(ctx context.Context) {
	for {
		select {
		case line := <-f.lines:
			f.write(line)
		case <-ctx.Done():
			for len(f.lines) > 0 {
				f.write(<-f.lines)
			}
			if err := f.files.close(); err != nil {
				f.fail(err)
			}
			return
		}
	}
}

func (f *File) write(line []byte) {
	if err := f.files.write(line, time.Now()); err != nil {
		f.fail(err)
		return
	}
	f.written.Inc()
}

func (f *File) fail(err error) {
	f.failed.Inc()
	if f.failed.Get() == 1 {
		f.log.Errorf("A dropped event could not be written to the dead letter file: %v; dead_letter.errors counts further ones", err)
	}
}
