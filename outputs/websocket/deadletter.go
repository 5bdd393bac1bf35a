// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"
	"unicode/utf8"

	"github.com/elastic/elastic-agent-libs/file"
	"github.com/elastic/elastic-agent-libs/logp"
	"github.com/elastic/elastic-agent-libs/monitoring"
)

// deadLetterQueue is the maximum number of lines that wait for the disk. Further
// lines are discarded and counted as errors: a slow disk must not delay delivery.
const deadLetterQueue = 4096

// deadLetters writes dropped events to a file, one JSON object per line. It may be
// used by several goroutines. put never waits.
type deadLetters struct {
	lines chan []byte
	file  *file.Rotator
	log   *logp.Logger

	written *monitoring.Uint
	failed  *monitoring.Uint
}

// deadLetter is one line of the file.
type deadLetter struct {
	Time   time.Time       `json:"@timestamp"` // when the event was dropped
	Reason string          `json:"reason"`
	Error  string          `json:"error,omitempty"`
	Event  json.RawMessage `json:"event,omitempty"`         // as Beats' JSON
	Text   string          `json:"record,omitempty"`        // the record, if it is not that
	Binary []byte          `json:"record_base64,omitempty"` // the record, if it is not text
}

// openDeadLetters checks the settings. run writes the lines.
func openDeadLetters(settings deadLetterConfig, registry *monitoring.Registry, log *logp.Logger) (*deadLetters, error) {
	rotator, err := file.NewFileRotator(
		filepath.Join(settings.Path, settings.Filename),
		file.MaxSizeBytes(uint(settings.RotateEveryKB)*1024),
		file.MaxBackups(uint(settings.NumberOfFiles-1)), // the one that is written to counts too
		file.Permissions(os.FileMode(settings.Permissions)),
		file.RotateOnStartup(false),
		file.WithLogger(log),
	)
	if err != nil {
		return nil, err
	}
	return &deadLetters{
		lines:   make(chan []byte, deadLetterQueue),
		file:    rotator,
		log:     log,
		written: monitoring.NewUint(registry, "written"),
		failed:  monitoring.NewUint(registry, "errors"),
	}, nil
}

// put queues a line for a dropped event.
func (d *deadLetters) put(r *record, now time.Time) {
	letter := deadLetter{Time: now.UTC(), Reason: r.reason, Event: r.event}
	if r.err != nil {
		letter.Error = r.err.Error()
	}
	switch {
	case r.event != nil || len(r.data) == 0:
	case r.isJSON:
		letter.Event = r.data
	case utf8.Valid(r.data):
		letter.Text = string(r.data)
	default:
		letter.Binary = r.data
	}
	line, err := json.Marshal(letter)
	if err != nil {
		d.fail(err)
		return
	}
	select {
	case d.lines <- append(line, '\n'):
	default:
		d.fail(errors.New("the disk is too slow"))
	}
}

// run writes lines until ctx is done and no line waits any more.
func (d *deadLetters) run(ctx context.Context) {
	for {
		select {
		case line := <-d.lines:
			d.write(line)
		case <-ctx.Done():
			for len(d.lines) > 0 {
				d.write(<-d.lines)
			}
			if err := d.file.Close(); err != nil {
				d.fail(err)
			}
			return
		}
	}
}

func (d *deadLetters) write(line []byte) {
	if _, err := d.file.Write(line); err != nil {
		d.fail(err)
		return
	}
	d.written.Inc()
}

func (d *deadLetters) fail(err error) {
	d.failed.Inc()
	if d.failed.Get() == 1 {
		d.log.Errorf("A dropped event could not be written to the dead letter file: %v; dead_letter.errors counts further ones", err)
	}
}
