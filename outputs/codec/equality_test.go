// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/common"
	conf "github.com/elastic/elastic-agent-libs/config"
	"github.com/elastic/elastic-agent-libs/mapstr"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/outputs/sharedfields"
)

var seedFlag = flag.Uint64("seed", 0, "seed of the generated events; 0 takes the clock")

const generatedEvents = 4000

func newGenerator(t *testing.T) *generator {
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("generated with -seed %d", seed)
	return &generator{Rand: rand.New(rand.NewPCG(seed, 1))}
}

func TestJSONDecodesToTheValueOfLibbeatsJSON(t *testing.T) {
	g := newGenerator(t)
	encoder, reference := newTestEncoder(t, "json"), newLibbeatJSON()
	var record []byte
	for number := range generatedEvents {
		event := g.event()
		expected, err := reference.Encode(testInfo.Beat, event)
		require.NoError(t, err, "event %d", number)
		record, err = encoder.Append(record[:0], event)
		require.NoError(t, err, "event %d", number)
		require.Equal(t, decodeJSON(t, expected), decodeJSON(t, record), "event %d", number)
	}
}

func TestJSONDropsWhatLibbeatFailsOn(t *testing.T) {
	g := newGenerator(t)
	g.unwritable = true
	encoder, reference := newTestEncoder(t, "json"), newLibbeatJSON()
	dropped := 0
	for number := range generatedEvents {
		event := g.event()
		expected, err := reference.Encode(testInfo.Beat, event)
		if err != nil {
			dropped++
			requireDrop(t, encoder, event, ReasonEncode)
			continue
		}
		record, err := encoder.Append(nil, event)
		require.NoError(t, err, "event %d", number)
		require.Equal(t, decodeJSON(t, expected), decodeJSON(t, record), "event %d", number)
	}
	require.Greater(t, dropped, generatedEvents/20)
	require.Less(t, dropped, generatedEvents)
}

func TestEveryGeneratedKindAloneHasTheValueOfLibbeatsJSON(t *testing.T) {
	g := newGenerator(t)
	encoder, reference := newTestEncoder(t, "json"), newLibbeatJSON()
	for range 20 {
		for _, kind := range append(g.scalars(), g.nested(3)...) {
			event := &beat.Event{Fields: mapstr.M{"field": kind()}}
			expected, err := reference.Encode(testInfo.Beat, event)
			require.NoError(t, err)
			record, err := encoder.Append(nil, event)
			require.NoError(t, err)
			require.Equal(t, decodeJSON(t, expected), decodeJSON(t, record), "%T", event.Fields["field"])
		}
	}
}

func TestJSONFollowsTheTimestampPrecisionOfTheBeat(t *testing.T) {
	t.Cleanup(func() { require.NoError(t, common.SetTimestampPrecision(nil)) })
	g := newGenerator(t)
	for _, precision := range []string{"millisecond", "microsecond", "nanosecond"} {
		t.Run(precision, func(t *testing.T) {
			cfg := conf.MustNewConfigFrom(map[string]any{"precision": precision})
			require.NoError(t, common.SetTimestampPrecision(cfg))
			encoder, reference := newTestEncoder(t, "json"), newLibbeatJSON()
			for range 500 {
				event := &beat.Event{Timestamp: g.time(), Fields: mapstr.M{"at": g.time(), "pointer": new(g.time())}}
				expected, err := reference.Encode(testInfo.Beat, event)
				require.NoError(t, err)
				record, err := encoder.Append(nil, event)
				require.NoError(t, err)
				require.Equal(t, decodeJSON(t, expected), decodeJSON(t, record))
			}
		})
	}
}

// An event whose fields are in two places is written as if it had them all.
func TestSharedFieldsAreWrittenAsTheEventsOwn(t *testing.T) {
	g := newGenerator(t)
	for _, name := range []string{"json", "raw"} {
		encoder, ok := newTestEncoder(t, name).(Sharing)
		require.True(t, ok)
		for number := range generatedEvents / 20 {
			shared, fields := takeShared(t, g.event().Fields)
			var record []byte
			for range 5 {
				event := g.event()
				if g.IntN(2) == 0 {
					event.Fields = mapstr.M{}
				}
				event.Fields["message"] = fmt.Sprint(g.Int())
				event.Fields["log"] = mapstr.M{"offset": g.Int64(), "file": mapstr.M{"path": "a\"b", "inode": fmt.Sprint(number)}}
				whole := *event
				whole.Fields = maps.Clone(event.Fields)
				maps.Copy(whole.Fields, fields)
				expected, err := encoder.Append(nil, &whole)
				require.NoError(t, err)
				record, err = encoder.AppendShared(record[:0], event, shared)
				require.NoError(t, err)
				if name == "raw" {
					require.Equal(t, expected, record)
					continue
				}
				require.Equal(t, decodeJSON(t, expected), decodeJSON(t, record), "event %d", number)
			}
		}
	}
}

func TestSharedFieldsThatCannotBeWrittenDropTheEvent(t *testing.T) {
	shared, _ := takeShared(t, mapstr.M{"bad": failingFolder("no")})
	encoder, ok := newTestEncoder(t, "json").(Sharing)
	require.True(t, ok)
	for range 2 {
		record, err := encoder.AppendShared([]byte("before"), &beat.Event{Fields: mapstr.M{"message": "x"}}, shared)
		require.ErrorContains(t, err, "no")
		require.Equal(t, "before", string(record))
	}
}

// takeShared returns shared fields, and which these are: with keys that no event has.
func takeShared(t *testing.T, fields mapstr.M) (*sharedfields.Fields, mapstr.M) {
	t.Helper()
	renamed := mapstr.M{}
	for key, v := range fields {
		renamed["shared "+key] = v
	}
	return sharedfields.New(renamed), renamed
}
