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

	"filebeat-websocket/outputs/websocket/internal/eventqueue"
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

func TestMemoryQueueInsideTheOutputIsItsOwn(t *testing.T) {
	group, err := groupOf(t, "queue.mem: {events: 64, flush.min_events: 32}")
	require.NoError(t, err)
	q, err := group.QueueFactory(logp.NewLogger("test"), queue.NewQueueObserver(nil), 0, group.EncoderFactory)
	require.NoError(t, err)
	defer func() { require.NoError(t, q.Close()) }()
	require.IsType(t, &eventqueue.Queue{}, q)
	require.Equal(t, 64, q.BufferConfig().MaxEvents)
}

func TestOtherQueuesAreLibbeats(t *testing.T) {
	for name, c := range map[string]struct {
		settings string
		inside   bool
	}{
		"none inside the output":   {"", false},
		"a memory queue, disabled": {"queue.mem: {enabled: false, events: 64}", false},
		"a disk queue":             {"queue.disk.max_size: 100MB", true},
	} {
		t.Run(name, func(t *testing.T) {
			group, err := groupOf(t, c.settings)
			require.NoError(t, err)
			require.Equal(t, c.inside, group.QueueFactory != nil)
		})
	}
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
