// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package unhurried gives filestream a moment between the last confirmation and its end.
//
// filestream writes what was confirmed to the registry in a goroutine. If that is told to
// end before it has woken up for a confirmation, it returns with its mutex held (Recv in
// input-logfile/update_writer.go), and who waits for it, which is Filebeat, never ends.
// Filebeat ends its inputs as soon as the pipeline is closed, so that a confirmation at
// the moment of a stop meets this on a busy machine.
package unhurried

import (
	"context"
	"time"

	"github.com/elastic/beats/v7/filebeat/beater"
	v2 "github.com/elastic/beats/v7/filebeat/input/v2"
	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/elastic-agent-libs/config"
	"github.com/elastic/elastic-agent-libs/logp"
	"github.com/elastic/go-concert/unison"
)

// pause is enough for a goroutine to wake up, and too short to be noticed at a stop.
const pause = 100 * time.Millisecond

// Filestream returns the same inputs, of which filestream ends a moment later than told.
func Filestream(inputs beater.PluginFactory) beater.PluginFactory {
	return func(info beat.Info, log *logp.Logger, store beater.StateStore) []v2.Plugin {
		plugins := inputs(info, log, store)
		for i := range plugins {
			if inner, is := plugins[i].Manager.(deleting); is {
				plugins[i].Manager = manager{inner}
			}
		}
		return plugins
	}
}

// deleting is the manager of filestream, the only one that can delete an input.
type deleting interface {
	v2.InputManager
	Delete(*config.C) error
}

type manager struct{ deleting }

// Init implements v2.InputManager.
func (m manager) Init(tasks unison.Group) error { return m.deleting.Init(group{tasks}) }

// group tells its tasks to end a moment after it was told.
type group struct{ unison.Group }

// Go implements unison.Group.
func (g group) Go(task func(context.Context) error) error {
	return g.Group.Go(func(ctx context.Context) error {
		late, cancel := context.WithCancel(context.WithoutCancel(ctx))
		defer cancel()
		defer context.AfterFunc(ctx, func() { time.AfterFunc(pause, cancel) })()
		return task(late)
	})
}
