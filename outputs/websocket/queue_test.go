// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/cfgfile"
	"github.com/elastic/beats/v7/libbeat/outputs"
	"github.com/elastic/beats/v7/libbeat/publisher/queue"
	conf "github.com/elastic/elastic-agent-libs/config"
	"github.com/elastic/elastic-agent-libs/logp"

	"filebeat-websocket/outputs/eventqueue"
	"filebeat-websocket/outputs/websocket/internal/handback"
)

func groupOf(t *testing.T, settings string) (outputs.Group, error) {
	t.Helper()
	cfg, err := conf.NewConfigFrom("hosts: localhost\n" + settings)
	require.NoError(t, err)
	group, err := makeWebsocket(nil, beat.Info{}, outputs.NewNilObserver(), cfg)
	for _, c := range group.Clients {
		t.Cleanup(func() { require.NoError(t, c.Close()) })
	}
	return group, err
}

// beatWith makes these lines the configuration file of this process.
func beatWith(t *testing.T, lines string) {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "beat.yml"), []byte(lines), 0o600))
	cfgfile.Initialize()
	cfgfile.SetConfigPath(folder)
	t.Cleanup(func() { cfgfile.SetConfigPath("") })
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
			beatWith(t, c.top)
			group, err := groupOf(t, c.inside)
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
		fromOutput  bool // the output's settings make a queue, not the Beat's
	}{
		"a disk queue inside the output": {"name: x", "queue.disk.max_size: 100MB", true},
		"a disk queue at the top level":  {"queue.disk.max_size: 100MB", "", false},
		"settings with an error":         {"queue.mem.events: 1", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			beatWith(t, c.top)
			require.Nil(t, memoryQueue(namespace(t, c.inside)))
			group, err := groupOf(t, c.inside)
			require.NoError(t, err)
			require.Equal(t, c.fromOutput, group.QueueFactory != nil)
		})
	}
}

func TestQueueOfAnUnknownConfigurationIsLibbeats(t *testing.T) {
	group, err := groupOf(t, "")
	require.NoError(t, err)
	require.Nil(t, group.QueueFactory)
}

func namespace(t *testing.T, settings string) conf.Namespace {
	t.Helper()
	var c struct {
		Queue conf.Namespace `config:"queue"`
	}
	cfg, err := conf.NewConfigFrom(settings)
	require.NoError(t, err)
	require.NoError(t, cfg.Unpack(&c))
	return c.Queue
}

func TestSettingsOfAQueueAreChecked(t *testing.T) {
	for settings, names := range map[string]string{
		"queue.mem.events: 1":                           "queue",
		"queue.mem: {events: 64, flush.min_events: 65}": "flush.min_events",
		"queue.ring.events: 64":                         "ring",
	} {
		t.Run(settings, func(t *testing.T) {
			_, err := groupOf(t, settings)
			require.ErrorContains(t, err, names)
		})
	}
}
