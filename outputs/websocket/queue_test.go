// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/outputs"
	"github.com/elastic/beats/v7/libbeat/publisher/queue"
	conf "github.com/elastic/elastic-agent-libs/config"
	"github.com/elastic/elastic-agent-libs/logp"
	"github.com/elastic/elastic-agent-libs/paths"

	"filebeat-websocket/outputs/eventqueue"
	"filebeat-websocket/outputs/websocket/internal/handback"
)

func groupOf(t *testing.T, top, inside string) (outputs.Group, error) {
	t.Helper()
	whole, err := conf.NewConfigFrom(top)
	require.NoError(t, err)
	require.NoError(t, whole.Merge(map[string]any{"output.websocket.hosts": "localhost"}))
	section, err := conf.NewConfigFrom(inside)
	require.NoError(t, err)
	require.NoError(t, whole.Merge(map[string]any{"output.websocket": section}))
	var settings struct {
		Output conf.Namespace `config:"output"`
	}
	require.NoError(t, whole.Unpack(&settings))
	return groupFrom(t, settings.Output.Config())
}

func groupFrom(t *testing.T, section *conf.C) (outputs.Group, error) {
	t.Helper()
	group, err := makeWebsocket(nil, beat.Info{}, outputs.NewNilObserver(), section)
	for _, c := range group.Clients {
		t.Cleanup(func() { require.NoError(t, c.Close()) })
	}
	return group, err
}

func TestMemoryQueueIsTheOutputsOwn(t *testing.T) {
	for name, c := range map[string]struct {
		top, inside string
		events      int
	}{
		"inside the output":           {"name: x", "queue.mem: {events: 64, flush.min_events: 32}", 64},
		"at the top level":            {"queue.mem: {events: 128, flush.min_events: 32}", "", 128},
		"no queue":                    {"name: x", "", 3200},
		"no queue, as it is disabled": {"queue.mem: {enabled: false, events: 128}", "", 3200},
	} {
		t.Run(name, func(t *testing.T) {
			group, err := groupOf(t, c.top, c.inside)
			require.NoError(t, err)
			require.NotNil(t, group.QueueFactory)
			q, err := group.QueueFactory(logp.NewLogger("test"), queue.NewQueueObserver(nil), 0, group.EncoderFactory)
			require.NoError(t, err)
			defer func() { require.NoError(t, q.Close()) }()
			watched, ok := q.(handback.Watched)
			require.True(t, ok)
			require.IsType(t, &eventqueue.Queue{}, watched.Queue)
			require.Equal(t, c.events, q.BufferConfig().MaxEvents)
		})
	}
}

func TestOtherQueuesAreLibbeats(t *testing.T) {
	for name, c := range map[string]struct {
		top, inside string
		queueType   string // empty: libbeat makes the queue
	}{
		"a disk queue inside the output": {"name: x", "queue.disk.max_size: 100MB", "disk"},
		"a disk queue at the top level":  {"queue.disk.max_size: 100MB", "", "disk"},
		"settings with an error":         {"queue.mem.events: 1", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			useTemporaryPaths(t)
			group, err := groupOf(t, c.top, c.inside)
			require.NoError(t, err)
			if c.queueType == "" {
				require.Nil(t, group.QueueFactory)
				return
			}
			require.NotNil(t, group.QueueFactory)
			q, err := group.QueueFactory(logp.NewLogger("test"), queue.NewQueueObserver(nil), 0, group.EncoderFactory)
			require.NoError(t, err)
			require.Equal(t, c.queueType, q.QueueType())
			require.NoError(t, q.Close())
		})
	}
}

func useTemporaryPaths(t *testing.T) {
	t.Helper()
	before := paths.Paths.Data
	paths.Paths.Data = t.TempDir()
	t.Cleanup(func() { paths.Paths.Data = before })
}

func TestQueueOfASectionThatCameAloneIsLibbeats(t *testing.T) {
	group, err := groupFrom(t, configFrom(t, "hosts: localhost"))
	require.NoError(t, err)
	require.Nil(t, group.QueueFactory)
}

func TestSettingsOfAQueueAreChecked(t *testing.T) {
	for settings, names := range map[string]string{
		"queue.mem.events: 1":                           "queue",
		"queue.mem: {events: 64, flush.min_events: 65}": "flush.min_events",
		"queue.ring.events: 64":                         "ring",
	} {
		t.Run(settings, func(t *testing.T) {
			_, err := groupOf(t, "name: x", settings)
			require.ErrorContains(t, err, names)
		})
	}
}
