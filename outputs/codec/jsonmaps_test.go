// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"fmt"
	"strings"
	"testing"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/elastic-agent-libs/mapstr"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// An encoder that has seen other events writes what one that has seen none does.
func TestMapsThatComeAgainAreWrittenAsTheyAre(t *testing.T) {
	text := rapid.SampledFrom([]string{"", "a", "b", `"`, "\xff", strings.Repeat("long", 400)})
	scalar := rapid.OneOf(rapid.Map(text, func(s string) any { return s }), rapid.Just[any](1), rapid.Just[any](nil), rapid.Just[any](mapstr.M{"a": "b"}))
	section := rapid.Map(rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c"}), scalar, 0, 3), func(m map[string]any) mapstr.M { return m })
	rapid.Check(t, func(rt *rapid.T) {
		encoder := newTestEncoder(t, "json")
		for _, fields := range rapid.SliceOfN(rapid.MapOfN(rapid.SampledFrom([]string{"log", "agent", "a"}), section, 0, 3), 1, 12).Draw(rt, "events") {
			event := &beat.Event{Fields: mapstr.M{"outer": mapstr.M{"log": mapstr.M{"deep": "x"}}}}
			for key, value := range fields {
				event.Fields[key] = value
			}
			for range 2 { // learned with the first, known with the second
				record, err := encoder.Append(nil, event)
				require.NoError(rt, err)
				fresh, err := newTestEncoder(t, "json").Append(nil, event)
				require.NoError(rt, err)
				require.Equal(rt, decodeJSON(t, fresh), decodeJSON(t, record))
			}
		}
	})
}

func TestKnownMapsAreBounded(t *testing.T) {
	var known knownMaps
	for number := range 100 {
		known.learn(fmt.Sprint("key", number), mapstr.M{"a": "b"}, []byte(`{"a":"b"}`))
	}
	require.Len(t, known.maps, maxKnownMaps)
	known = knownMaps{}
	known.learn("key", mapstr.M{"a": strings.Repeat("b", maxKnownBytes)}, make([]byte, maxKnownBytes+1))
	require.Empty(t, known.maps, "a long one is not kept")
}

func TestAMapThatAlwaysDiffersIsNotLearnedForEver(t *testing.T) {
	var known knownMaps
	for number := range 2 * patience {
		m := mapstr.M{"a": fmt.Sprint(number)}
		_, found := known.append(nil, "key", m)
		require.False(t, found)
		known.learn("key", m, []byte(`{}`))
	}
	_, found := known.append(nil, "key", mapstr.M{"a": fmt.Sprint(2*patience - 1)})
	require.False(t, found)
}
