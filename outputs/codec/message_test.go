// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"encoding/json"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/elastic-agent-libs/mapstr"
	"github.com/stretchr/testify/require"
)

func TestLineOfAnEvent(t *testing.T) {
	at := time.Date(2024, 1, 2, 3, 4, 5, 999999999, time.UTC)
	for description, test := range map[string]struct {
		message any
		raw     string
		log     string
	}{
		"text":                          {message: `say "hi"`, raw: `say "hi"`, log: `"say \"hi\""`},
		"empty text":                    {message: "", raw: "", log: `""`},
		"bytes":                         {message: []byte("b\ty"), raw: "b\ty", log: `"b\ty"`},
		"no bytes":                      {message: []byte{}, raw: "", log: `""`},
		"text that is not UTF-8":        {message: "a\xffb", raw: "a\xffb", log: `"a\ufffdb"`},
		"bytes that are not UTF-8":      {message: []byte("a\xc3"), raw: "a\xc3", log: `"a\ufffd"`},
		"a number":                      {message: uint64(math.MaxUint64), raw: "18446744073709551615", log: `"18446744073709551615"`},
		"a float":                       {message: 1e6, raw: "1e+06", log: `"1e+06"`},
		"a truth value":                 {message: true, raw: "true", log: `"true"`},
		"a false value":                 {message: false, raw: "false", log: `"false"`},
		"a time":                        {message: at, raw: "2024-01-02T03:04:05.999Z", log: `"2024-01-02T03:04:05.999Z"`},
		"a duration":                    {message: time.Second, raw: "1000000000", log: `"1000000000"`},
		"a number in text":              {message: json.Number("1.50"), raw: "1.50", log: `"1.50"`},
		"text of a type of its own":     {message: namedString("a\nb"), raw: "a\nb", log: `"a\nb"`},
		"text that looks like null":     {message: "null", raw: "null", log: `"null"`},
		"text that looks like a list":   {message: "[1]", raw: "[1]", log: `"[1]"`},
		"a pointer to text with breaks": {message: new("a\r\nb"), raw: "a\r\nb", log: `"a\r\nb"`},
	} {
		t.Run(description, func(t *testing.T) {
			event := &beat.Event{Timestamp: at, Fields: mapstr.M{"message": test.message, "other": "x"}}

			record, err := newTestEncoder(t, "raw").Append(nil, event)
			require.NoError(t, err)
			require.Equal(t, test.raw, string(record))

			record, err = newTestEncoder(t, "log").Append(nil, event)
			require.NoError(t, err)
			require.Equal(t, `{"timestamp":"2024-01-02T03:04:05.999999999Z","message":`+test.log+`}`, string(record))
			decodeJSON(t, record)
		})
	}
}

func TestEventWithoutALineIsDropped(t *testing.T) {
	for description, fields := range map[string]mapstr.M{
		"no fields":           nil,
		"no message":          {"event": mapstr.M{"original": "x"}},
		"null":                {"message": nil},
		"a nil pointer":       {"message": (*string)(nil)},
		"nil bytes":           {"message": []byte(nil)},
		"not a number":        {"message": math.NaN()},
		"an object":           {"message": mapstr.M{"a": "b"}},
		"a list":              {"message": []string{"a"}},
		"an error":            {"message": errors.New("x")},
		"a channel":           {"message": make(chan int)},
		"a misbehaving value": {"message": panickingFolder("x")},
	} {
		t.Run(description, func(t *testing.T) {
			event := &beat.Event{Fields: fields}
			requireDrop(t, newTestEncoder(t, "raw"), event, ReasonNoMessage)
			requireDrop(t, newTestEncoder(t, "log"), event, ReasonNoMessage)
		})
	}
}

func TestLogTimeHasNanosecondsInUTC(t *testing.T) {
	for expected, at := range map[string]time.Time{
		"2021-02-05T22:17:09.123456789Z": time.Date(2021, 2, 5, 23, 17, 9, 123456789, time.FixedZone("", 3600)),
		"2021-02-05T22:17:09.5Z":         time.Date(2021, 2, 5, 22, 17, 9, 500_000_000, time.UTC),
		"2021-02-05T22:17:09Z":           time.Date(2021, 2, 5, 22, 17, 9, 0, time.UTC),
		"0001-01-01T00:00:00Z":           {},
	} {
		record, err := newTestEncoder(t, "log").Append(nil, &beat.Event{Timestamp: at, Fields: mapstr.M{"message": "x"}})
		require.NoError(t, err)
		require.Equal(t, `{"timestamp":"`+expected+`","message":"x"}`, string(record))
	}
}

func TestMessageLen(t *testing.T) {
	for description, test := range map[string]struct {
		fields mapstr.M
		bytes  int
		ok     bool
	}{
		"counts the bytes of text":      {fields: mapstr.M{"message": "grüße"}, bytes: 7, ok: true},
		"counts bytes":                  {fields: mapstr.M{"message": []byte("abc")}, bytes: 3, ok: true},
		"knows an empty line":           {fields: mapstr.M{"message": ""}, ok: true},
		"has none for another kind":     {fields: mapstr.M{"message": 12345}},
		"has none without a message":    {fields: mapstr.M{"other": "x"}},
		"has none without any fields":   {},
		"does not look into sub-fields": {fields: mapstr.M{"error": mapstr.M{"message": "x"}}},
	} {
		t.Run(description, func(t *testing.T) {
			event := &beat.Event{Fields: test.fields}
			lineBytes, ok := MessageLen(event)
			require.Equal(t, test.bytes, lineBytes)
			require.Equal(t, test.ok, ok)
			require.Zero(t, testing.AllocsPerRun(100, func() { MessageLen(event) }))
		})
	}
}
