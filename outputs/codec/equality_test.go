// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/common"
	conf "github.com/elastic/elastic-agent-libs/config"
	"github.com/elastic/elastic-agent-libs/mapstr"
	"github.com/stretchr/testify/require"
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
