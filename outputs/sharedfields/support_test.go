// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package sharedfields

import (
	"fmt"
	"testing"
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/common"
	"github.com/elastic/beats/v7/libbeat/processors"
	conf "github.com/elastic/elastic-agent-libs/config"
	"github.com/elastic/elastic-agent-libs/mapstr"
	"github.com/stretchr/testify/require"
)

// clients are what inputs ask of the pipeline, each with whether its lines share fields.
var clients = map[string]struct {
	processing map[string]any // of the input's configuration
	change     func(*beat.ProcessingConfig)
	shares     bool
}{
	"nothing else":       {shares: true},
	"fields":             {processing: map[string]any{"fields": map[string]any{"app": "shop", "list": []any{1, "two"}}}, shares: true},
	"fields at the root": {processing: map[string]any{"fields": map[string]any{"app": "shop", "agent.name": "x"}, "fields_under_root": true}, shares: true},
	"tags":               {processing: map[string]any{"tags": []any{"a", "b"}}, shares: true},
	"no host":            {change: func(c *beat.ProcessingConfig) { c.DisableHost = true }, shares: true},
	"nulls":              {change: func(c *beat.ProcessingConfig) { c.KeepNull = true }, shares: true},
	"a field in log":     {processing: map[string]any{"fields": map[string]any{"log.level": "info"}, "fields_under_root": true}},
	"a field as the line": {
		processing: map[string]any{"fields": map[string]any{"message": "always"}, "fields_under_root": true},
	},
	"a field that is metadata": {
		processing: map[string]any{"fields": map[string]any{"@metadata": map[string]any{"a": "b"}}, "fields_under_root": true},
	},
	"a pipeline":     {change: func(c *beat.ProcessingConfig) { c.Meta = mapstr.M{"pipeline": "p"} }},
	"no normalizing": {change: func(c *beat.ProcessingConfig) { c.EventNormalization = new(bool) }},
	"another input":  {change: func(c *beat.ProcessingConfig) { c.Fields = mapstr.M{"input": mapstr.M{"type": "tcp"}} }},
	"the log input":  {change: func(c *beat.ProcessingConfig) { c.Fields = mapstr.M{"input": mapstr.M{"type": "log"}} }},
	"an unknown one": {change: func(c *beat.ProcessingConfig) { c.Fields = nil }},
	"a dynamic field": {change: func(c *beat.ProcessingConfig) {
		c.DynamicFields = new(mapstr.NewPointer(mapstr.M{"pod": mapstr.M{"name": "p"}}))
	}},
	"processors": {processing: map[string]any{"processors": []any{
		map[string]any{"decode_json_fields": map[string]any{"fields": []any{"message"}, "target": "json"}},
		map[string]any{"add_fields": map[string]any{"target": "", "fields": map[string]any{"log.file.owner": "root", "agent.team": "blue"}}},
		map[string]any{"drop_fields": map[string]any{"fields": []any{"ecs", "log.offset"}}},
	}}},
	"a processor that drops": {processing: map[string]any{"processors": []any{
		map[string]any{"drop_event": map[string]any{"when.contains.message": "{"}},
	}}},
}

// beats are what the top level of the configuration says.
var beats = map[string]struct {
	settings map[string]any
	shares   bool
}{
	"a short file": {shares: true},
	"fields and tags": {
		settings: map[string]any{"fields": map[string]any{"env": "test"}, "tags": []any{"all"}}, shares: true,
	},
	"processors": {
		settings: map[string]any{"processors": []any{map[string]any{"add_fields": map[string]any{"fields": map[string]any{"a": 1}}}}},
	},
	"timeseries": {settings: map[string]any{"timeseries.enabled": false}},
}

// line returns an event as filestream makes it.
func line(fields mapstr.M) beat.Event {
	event := beat.Event{
		Timestamp: time.Date(2021, 2, 5, 23, 17, 9, 0, time.UTC),
		Fields: mapstr.M{
			"message": `{"a": 1.5}`,
			"log":     mapstr.M{"offset": int64(7), "file": mapstr.M{"path": "/var/log/a.log", "inode": "1", "device_id": "2"}},
		},
		Private: "where it is",
	}
	event.Fields.Update(fields)
	return event
}

// lines are events as filestream's parsers make them, too.
var lines = map[string]struct {
	event  func() beat.Event
	shares bool
}{
	"a line":             {func() beat.Event { return line(nil) }, true},
	"a container's line": {func() beat.Event { return line(mapstr.M{"stream": "stderr"}) }, true},
	"fields that fit": {func() beat.Event {
		return line(mapstr.M{"n": int64(1), "yes": true, "list": []string{"x"}, "map": mapstr.M{}})
	}, true},
	"a number":            {func() beat.Event { return line(mapstr.M{"json": map[string]any{"a": 1.5}}) }, false},
	"a float":             {func() beat.Event { return line(mapstr.M{"f": 2.0}) }, false},
	"null":                {func() beat.Event { return line(mapstr.M{"gone": nil, "json": mapstr.M{"gone": nil}}) }, false},
	"a large number":      {func() beat.Event { return line(mapstr.M{"n": uint64(1 << 63)}) }, false},
	"a time":              {func() beat.Event { return line(mapstr.M{"at": time.Unix(1, 2).In(time.FixedZone("", 3600))}) }, false},
	"a time of Beats":     {func() beat.Event { return line(mapstr.M{"at": common.Time(time.Unix(1, 2))}) }, false},
	"a list":              {func() beat.Event { return line(mapstr.M{"list": []any{1, nil, mapstr.M{"a": nil}}}) }, false},
	"an agent of its own": {func() beat.Event { return line(mapstr.M{"agent": mapstr.M{"name": "mine"}}) }, false},
	"tags of its own":     {func() beat.Event { return line(mapstr.M{"tags": []string{"take_over"}, "agent": "a text"}) }, false},
	"a log that is text":  {func() beat.Event { return line(mapstr.M{"log": "x", "ecs": mapstr.M{"version": "1"}}) }, false},
	"a file with more": {func() beat.Event {
		return line(mapstr.M{"log": mapstr.M{"offset": int64(1), "file": mapstr.M{"path": "a", "size": 1.0}}})
	}, false},
	"an offset that is not one": {
		func() beat.Event { return line(mapstr.M{"log": mapstr.M{"offset": 1.0, "file": mapstr.M{}}}) }, false,
	},
	"an id": {func() beat.Event { e := line(nil); e.Meta = mapstr.M{"_id": "1"}; return e }, false},
	"no time, which processing sets": {
		func() beat.Event { e := line(nil); e.Timestamp = time.Time{}; return e }, false,
	},
	"no fields": {func() beat.Event { return beat.Event{Timestamp: time.Unix(1, 0)} }, false},
}

// Whatever is configured, an output gets the event that it would get without Support.
func TestEventsAreWhatTheyAreWithoutSupport(t *testing.T) {
	for name, b := range beats {
		libbeat, ours := openSupport(t, b.settings)
		for _, accepts := range []bool{true, false} {
			for client, c := range clients {
				t.Run(fmt.Sprintf("%s/%s/accepted=%v", name, client, accepts), func(t *testing.T) {
					accept(t, accepts)
					reference, err := libbeat.Create(processingConfig(t, c.processing, c.change), false)
					require.NoError(t, err)
					processor, err := ours.Create(processingConfig(t, c.processing, c.change), false)
					require.NoError(t, err)
					for description, l := range lines {
						// Twice, because nothing of an event may get into the next.
						for range 2 {
							event := l.event()
							expected, err := reference.Run(new(l.event()))
							require.NoError(t, err)
							got, err := processor.Run(&event)
							require.NoError(t, err)
							if expected == nil {
								require.Nil(t, got, description)
								continue
							}
							shared := Take(got)
							require.Equal(t, b.shares && accepts && c.shares && l.shares, shared != nil, description)
							if shared != nil {
								require.Equal(t, l.event().Fields, got.Fields, "%s: processing changed it", description)
								shared.AddTo(got)
							}
							if event.Timestamp.IsZero() || l.event().Timestamp.IsZero() {
								expected.Timestamp = got.Timestamp
							}
							require.Equal(t, expected, got, description)
						}
					}
					require.NoError(t, processors.Close(processor))
				})
			}
		}
		require.NoError(t, ours.Close())
	}
}

func processingConfig(t *testing.T, settings map[string]any, change func(*beat.ProcessingConfig)) beat.ProcessingConfig {
	t.Helper()
	var common struct {
		mapstr.EventMetadata `config:",inline"`
		Processors           processors.PluginConfig `config:"processors"`
	}
	require.NoError(t, conf.MustNewConfigFrom(settings).Unpack(&common))
	list, err := processors.New(common.Processors)
	require.NoError(t, err)
	c := beat.ProcessingConfig{
		EventMetadata: common.EventMetadata,
		Fields:        mapstr.M{"input": mapstr.M{"type": "filestream"}},
		Processor:     list,
	}
	if change != nil {
		change(&c)
	}
	return c
}

func TestClientsOfOneInputHaveTheSameSharedFields(t *testing.T) {
	accept(t, true)
	_, ours := openSupport(t, nil)
	take := func(settings map[string]any) *Fields {
		p, err := ours.Create(processingConfig(t, settings, nil), false)
		require.NoError(t, err)
		event, err := p.Run(new(line(nil)))
		require.NoError(t, err)
		shared := Take(event)
		require.NotNil(t, shared)
		return shared
	}
	first := take(nil)
	require.Same(t, first, take(nil))
	require.NotSame(t, first, take(map[string]any{"tags": []any{"x"}}))
}

func TestADisabledOutputGetsNothing(t *testing.T) {
	accept(t, true)
	_, ours := openSupport(t, nil)
	p, err := ours.Create(processingConfig(t, nil, nil), true)
	require.NoError(t, err)
	event, err := p.Run(new(line(nil)))
	require.NoError(t, err)
	require.Nil(t, event)
}

// closed counts how often it was closed.
type closed struct{ times int }

func (c *closed) Run(event *beat.Event) (*beat.Event, error) { return event, nil }
func (c *closed) String() string                             { return "closed" }
func (c *closed) Close() error                               { c.times++; return nil }

func TestProcessorsAreClosedOnce(t *testing.T) {
	_, ours := openSupport(t, nil)
	c := &closed{}
	list := processors.NewList(nil)
	list.AddProcessor(c)
	p, err := ours.Create(processingConfig(t, nil, func(cfg *beat.ProcessingConfig) { cfg.Processor = list }), false)
	require.NoError(t, err)
	require.NoError(t, processors.Close(p))
	require.Equal(t, 1, c.times)
}

func TestOnlySharedFieldsAreTaken(t *testing.T) {
	for _, meta := range []mapstr.M{nil, {"_id": "x"}, {metaKey: "text"}} {
		event := beat.Event{Meta: meta}
		require.Nil(t, Take(&event))
		require.Equal(t, meta, event.Meta)
	}
}
