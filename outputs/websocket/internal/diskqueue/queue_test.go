// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package diskqueue

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/publisher"
	"github.com/elastic/beats/v7/libbeat/publisher/queue"
	libdiskqueue "github.com/elastic/beats/v7/libbeat/publisher/queue/diskqueue"
	"github.com/elastic/elastic-agent-libs/logp"
	"github.com/elastic/elastic-agent-libs/mapstr"
)

type names map[string]int

func TestEmptyKeysAreRenamed(t *testing.T) {
	for name, test := range map[string]struct {
		given, want mapstr.M
		count       int
	}{
		"none":                {mapstr.M{"a": 1, "b": []any{"x"}}, mapstr.M{"a": 1, "b": []any{"x"}}, 0},
		"at the top":          {mapstr.M{"": 1, "a": 2}, mapstr.M{"_": 1, "a": 2}, 1},
		"the name is taken":   {mapstr.M{"": 1, "_": 2, "__": 3}, mapstr.M{"___": 1, "_": 2, "__": 3}, 1},
		"inside":              {mapstr.M{"a": mapstr.M{"": 1}, "b": map[string]any{"": 2}}, mapstr.M{"a": mapstr.M{"_": 1}, "b": map[string]any{"_": 2}}, 2},
		"in one another":      {mapstr.M{"": mapstr.M{"": mapstr.M{"": 1}}}, mapstr.M{"_": mapstr.M{"_": mapstr.M{"_": 1}}}, 3},
		"in lists":            {mapstr.M{"a": []any{1, []any{map[string]any{"": 1}}}, "b": []mapstr.M{{"": 1}}}, mapstr.M{"a": []any{1, []any{map[string]any{"_": 1}}}, "b": []mapstr.M{{"_": 1}}}, 2},
		"in maps of texts":    {mapstr.M{"a": map[string]string{"": "x"}}, mapstr.M{"a": map[string]string{"_": "x"}}, 1},
		"in maps of no name":  {mapstr.M{"a": names{"": 1}, "b": []names{{"": 1}}}, mapstr.M{"a": map[string]any{"_": 1}, "b": []any{map[string]any{"_": 1}}}, 2},
		"no map at all":       {nil, nil, 0},
		"an empty text stays": {mapstr.M{"a": "", "b": nil}, mapstr.M{"a": "", "b": nil}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			before := test.given.Clone()
			got, count := named(test.given)
			require.Equal(t, test.want, got)
			require.Equal(t, test.count, count)
			if before != nil {
				require.Equal(t, before, test.given.Clone(), "the given maps may be shared")
			}
		})
	}
}

// The queue skips what is behind an event that it cannot read.
func TestEventsBehindAnEmptyKeyComeBack(t *testing.T) {
	settings := libdiskqueue.DefaultSettings()
	settings.Path = t.TempDir()
	settings.MaxBufferSize, settings.MaxSegmentSize = 100<<20, 10<<20
	renamed := 0
	factory := Factory(libdiskqueue.FactoryForSettings(settings), func(keys int) { renamed += keys })
	q, err := factory(logp.NewLogger("test"), queue.NewQueueObserver(nil), 0, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, q.Close()) })

	const events = 20
	p := q.Producer(queue.ProducerConfig{})
	for i := range events {
		fields := mapstr.M{"number": i}
		if i == 3 {
			fields["j"] = mapstr.M{"": "x"}
		}
		publish := p.Publish
		if i == 5 {
			fields[""], publish = "x", p.TryPublish
		}
		_, ok := publish(publisher.Event{Content: beat.Event{Timestamp: time.Now(), Fields: fields}})
		require.True(t, ok)
	}
	for next := 0; next < events; {
		got := make(chan queue.Batch, 1)
		go func() {
			if batch, err := q.Get(events); err == nil {
				got <- batch
			}
		}()
		select {
		case batch := <-got:
			for i := range batch.Count() {
				event, isEvent := batch.Entry(i).(publisher.Event)
				require.True(t, isEvent)
				number, err := event.Content.GetValue("number")
				require.NoError(t, err)
				require.EqualValues(t, next, number)
				next++
			}
			batch.Done()
		case <-time.After(20 * time.Second):
			require.Failf(t, "events are missing", "after %d", next)
		}
	}
	require.Equal(t, 2, renamed)
}
