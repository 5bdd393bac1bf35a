// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"strings"
	"testing"
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/elastic-agent-libs/mapstr"
	"github.com/stretchr/testify/require"
)

func TestDatesAreThoseOfFluentBit(t *testing.T) {
	whole := time.Date(2021, 2, 5, 22, 17, 9, 0, time.UTC)
	for description, test := range map[string]struct {
		format string
		at     time.Time
		date   string
	}{
		"double":                             {"double", whole.Add(123456789), "1612563429.123457"},
		"double of a whole second":           {"double", whole, "1612563429.0"},
		"double of a nanosecond, too little": {"double", whole.Add(1), "1612563429.0"},
		"double of half a second":            {"double", whole.Add(500 * time.Millisecond), "1612563429.5"},
		"double that rounds up to a whole":   {"double", whole.Add(999_999_999), "1612563430.0"},
		"double with digits that round up":   {"double", whole.Add(999_999_600), "1612563430"},
		"double below a second":              {"double", time.Unix(0, 10_000), "1e-05"},
		"double before 1970":                 {"double", time.Unix(-2, 500_000_000), "-1.5"},
		"double of no time":                  {"double", time.Time{}, "-62135596800.0"},
		"double far ahead":                   {"double", time.Unix(253402300799, 250_000_000), "253402300799.25"},
		"epoch":                              {"epoch", whole.Add(999_999_999), "1612563429"},
		"epoch_ms":                           {"epoch_ms", whole.Add(123_999_999), "1612563429123"},
		"epoch_millis":                       {"epoch_millis", whole, "1612563429000"},
		"epoch_milliseconds":                 {"epoch_milliseconds", whole, "1612563429000"},
		"iso8601":                            {"iso8601", whole.Add(123_456_999), `"2021-02-05T22:17:09.123456Z"`},
		"iso8601 of a whole second":          {"iso8601", whole, `"2021-02-05T22:17:09.000000Z"`},
		"java_sql_timestamp":                 {"java_sql_timestamp", whole.Add(123456789), `"2021-02-05 22:17:09.123456"`},
		"another zone":                       {"iso8601", whole.In(time.FixedZone("", 3600)), `"2021-02-05T22:17:09.000000Z"`},
	} {
		for _, format := range []string{test.format, strings.ToUpper(test.format)} {
			t.Run(description+"/"+format, func(t *testing.T) {
				encoder := newEncoderWith(t, "json", map[string]any{"json_date_key": "date", "json_date_format": format})
				record, err := encoder.Append(nil, &beat.Event{Timestamp: test.at, Meta: mapstr.M{"_id": "x"}, Fields: mapstr.M{"message": "m"}})
				require.NoError(t, err)
				require.Equal(t, `{"date":`+test.date+`,"message":"m"}`, string(record))
				decodeJSON(t, record)
			})
		}
	}
}

func TestDateIsADoubleUnlessSet(t *testing.T) {
	encoder := newEncoderWith(t, "json", map[string]any{"json_date_key": `d"`})
	record, err := encoder.Append(nil, &beat.Event{Timestamp: time.Unix(1, 0)})
	require.NoError(t, err)
	require.Equal(t, `{"d\"":1.0}`, string(record))
}

func TestFieldWithTheNameOfTheDateGivesWay(t *testing.T) {
	encoder := newEncoderWith(t, "json", map[string]any{"json_date_key": "date", "json_date_format": "epoch"})
	event := &beat.Event{Timestamp: time.Unix(1, 0), Fields: mapstr.M{"date": "mine", "message": "m"}}
	record, err := encoder.Append(nil, event)
	require.NoError(t, err)
	require.Equal(t, `{"date":1,"message":"m"}`, string(record))
	require.Equal(t, mapstr.M{"date": "mine", "message": "m"}, event.Fields, "the event stays as it is")

	record, err = encoder.Append(nil, &beat.Event{Timestamp: time.Unix(1, 0), Fields: mapstr.M{"date": "mine"}})
	require.NoError(t, err)
	require.Equal(t, `{"date":1}`, string(record))
}

func TestFieldsBehindTheDateAreThoseOfTheEvent(t *testing.T) {
	g := newGenerator(t)
	dated := newEncoderWith(t, "json", map[string]any{"json_date_key": "date"})
	for range 500 {
		event := g.event()
		record, err := dated.Append(nil, event)
		require.NoError(t, err)
		got, ok := decodeJSON(t, record).(map[string]any)
		require.True(t, ok)
		require.Contains(t, got, "date")
		delete(got, "date")

		expected, err := (&jsonValues{times: newTimeFormat()}).appendMap(nil, event.Fields, 1)
		require.NoError(t, err)
		require.Equal(t, decodeJSON(t, expected), got)
	}
}
