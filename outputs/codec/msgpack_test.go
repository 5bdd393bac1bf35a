// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"encoding/hex"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/common"
	conf "github.com/elastic/elastic-agent-libs/config"
	"github.com/elastic/elastic-agent-libs/mapstr"
	"github.com/stretchr/testify/require"
	"github.com/tinylib/msgp/msgp"
)

func TestMessagePackRecords(t *testing.T) {
	at := time.Date(2021, 2, 5, 23, 17, 9, 123456789, time.FixedZone("", 3600))
	const (
		eventTime = "d700 601dc3e5 075bcd15"
		record    = "81 a7 6d657373616765 a1 78" // message: x
	)
	version := func(number int) map[string]any { return map[string]any{"version": number} }
	withID := &beat.Event{Timestamp: at, Meta: mapstr.M{"_id": "8X"}, Fields: mapstr.M{"message": "x"}}
	for description, test := range map[string]struct {
		codec   string
		options map[string]any
		event   *beat.Event
		bytes   string
	}{
		"msgpack":                      {"msgpack", nil, &beat.Event{Timestamp: at, Fields: mapstr.M{"message": "x"}}, "92 92 " + eventTime + "80" + record},
		"msgpack with metadata":        {"msgpack", nil, withID, "92 92 " + eventTime + "81 a3 5f6964 a2 3858" + record},
		"msgpack without anything":     {"msgpack", nil, &beat.Event{Timestamp: at}, "92 92 " + eventTime + "80 80"},
		"version 2":                    {"msgpack", version(2), &beat.Event{Timestamp: at}, "92 92 " + eventTime + "80 80"},
		"version 1":                    {"msgpack", version(1), &beat.Event{Timestamp: at, Fields: mapstr.M{"message": "x"}}, "92 " + eventTime + record},
		"forward":                      {"forward", nil, &beat.Event{Timestamp: at, Fields: mapstr.M{"message": "x"}}, "92 " + eventTime + record},
		"forward with an _id":          {"forward", nil, withID, "92 " + eventTime + "82 a7 6d657373616765 a1 78 a9 406d65746164617461 81 a3 5f6964 a2 3858"},
		"forward with a field for it":  {"forward", nil, &beat.Event{Timestamp: at, Meta: mapstr.M{"_id": "8X"}, Fields: mapstr.M{"@metadata": true}}, "92 " + eventTime + "81 a9 406d65746164617461 c3"},
		"forward with other metadata":  {"forward", nil, &beat.Event{Timestamp: at, Meta: mapstr.M{"raw_index": "logs"}}, "92 " + eventTime + "80"},
		"the first second":             {"forward", nil, &beat.Event{Timestamp: time.Unix(0, 0)}, "92 d700 00000000 00000000 80"},
		"the last second":              {"forward", nil, &beat.Event{Timestamp: time.Unix(math.MaxUint32, 999_999_999)}, "92 d700 ffffffff 3b9ac9ff 80"},
		"a second too late":            {"forward", nil, &beat.Event{Timestamp: time.Unix(math.MaxUint32+1, 5)}, "92 d3 0000000100000000 80"},
		"a second too early":           {"forward", nil, &beat.Event{Timestamp: time.Unix(-1, 5)}, "92 ff 80"},
		"no time":                      {"msgpack", nil, &beat.Event{}, "92 92 d3 fffffff1886e0900 80 80"},
		"text that is not UTF-8":       {"forward", nil, &beat.Event{Timestamp: at, Fields: mapstr.M{"m": "a\xff"}}, "92 " + eventTime + "81 a1 6d a2 61ff"},
		"bytes":                        {"forward", nil, &beat.Event{Timestamp: at, Fields: mapstr.M{"m": []byte("a\xff")}}, "92 " + eventTime + "81 a1 6d c4 02 61ff"},
		"a time is text":               {"forward", nil, &beat.Event{Timestamp: at, Fields: mapstr.M{"m": time.Unix(0, 0)}}, "92 " + eventTime + "81 a1 6d b8" + hex.EncodeToString([]byte("1970-01-01T00:00:00.000Z"))},
		"not a number is a number":     {"forward", nil, &beat.Event{Timestamp: at, Fields: mapstr.M{"m": math.NaN()}}, "92 " + eventTime + "81 a1 6d cb 7ff8000000000001"},
		"a duration is nanoseconds":    {"forward", nil, &beat.Event{Timestamp: at, Fields: mapstr.M{"m": time.Second}}, "92 " + eventTime + "81 a1 6d d2 3b9aca00"},
		"an unsigned number of 64 bit": {"forward", nil, &beat.Event{Timestamp: at, Fields: mapstr.M{"m": uint64(math.MaxUint64)}}, "92 " + eventTime + "81 a1 6d cf ffffffffffffffff"},
		"a struct":                     {"forward", nil, &beat.Event{Timestamp: at, Fields: mapstr.M{"m": stringer{Name: "n"}}}, "92 " + eventTime + "81 a1 6d 81 a4 6e616d65 a1 6e"},
	} {
		t.Run(description, func(t *testing.T) {
			expected, err := hex.DecodeString(strings.ReplaceAll(test.bytes, " ", ""))
			require.NoError(t, err)
			got, err := newEncoderWith(t, test.codec, test.options).Append(nil, test.event)
			require.NoError(t, err)
			require.Equal(t, hex.EncodeToString(expected), hex.EncodeToString(got))
		})
	}
}

// The value of a MessagePack record is that of the JSON record, but for what
// MessagePack has a kind of its own for.
func TestMessagePackHasTheValueOfTheJSON(t *testing.T) {
	g := newGenerator(t)
	for _, name := range []string{"msgpack", "forward"} {
		encoder := newTestEncoder(t, name)
		var record []byte
		for number := range generatedEvents / 2 {
			event := g.event()
			event.Meta = nil // its place is checked elsewhere
			var err error
			record, err = encoder.Append(record[:0], event)
			require.NoError(t, err, "event %d", number)
			entry, ok := decodeMsgpack(t, record).([]any)
			require.True(t, ok)
			require.Equal(t, comparableValue(asMsgpack(t, event.Fields)), entry[len(entry)-1], "event %d", number)
		}
	}
}

// asMsgpack is what a reader of MessagePack should find, said in another way than
// the codec has it.
func asMsgpack(t *testing.T, v any) any {
	t.Helper()
	switch v := v.(type) {
	case nil, bool, string:
		return v
	case []byte:
		return append([]byte{}, v...)
	case float64:
		return v
	case float32:
		return v
	case mapstr.M:
		return asMsgpackMap(t, v)
	case map[string]any:
		return asMsgpackMap(t, v)
	case []any:
		return asMsgpackList(t, v)
	case []mapstr.M:
		return asMsgpackList(t, v)
	case []map[string]any:
		return asMsgpackList(t, v)
	case []float64:
		return asMsgpackList(t, v)
	case []string:
		return asMsgpackList(t, v)
	case map[string]string:
		return asMsgpackMap(t, v)
	default:
		encoded, err := (&jsonValues{times: newTimeFormat()}).appendMap(nil, mapstr.M{"value": v}, 1)
		require.NoError(t, err)
		object, ok := decodeJSON(t, encoded).(map[string]any)
		require.True(t, ok)
		return withMsgpackNumbers(object["value"])
	}
}

func asMsgpackMap[T any](t *testing.T, m map[string]T) map[string]any {
	t.Helper()
	object := map[string]any{}
	for key, v := range m {
		object[key] = asMsgpack(t, v)
	}
	return object
}

func asMsgpackList[T any](t *testing.T, list []T) any {
	t.Helper()
	entries := []any{}
	for _, v := range list {
		entries = append(entries, asMsgpack(t, v))
	}
	return entries
}

// withMsgpackNumbers gives numbers the Go types that msgp reads them as.
func withMsgpackNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		return plainNumber(string(v))
	case map[string]any:
		for key, entry := range v {
			v[key] = withMsgpackNumbers(entry)
		}
	case []any:
		for i, entry := range v {
			v[i] = withMsgpackNumbers(entry)
		}
	}
	return v
}

func TestMessagePackFollowsTheTimestampPrecisionOfTheBeat(t *testing.T) {
	t.Cleanup(func() { require.NoError(t, common.SetTimestampPrecision(nil)) })
	require.NoError(t, common.SetTimestampPrecision(conf.MustNewConfigFrom(map[string]any{"precision": "nanosecond"})))
	encoder := newTestEncoder(t, "forward")
	for _, at := range []time.Time{
		time.Date(2021, 2, 5, 22, 17, 9, 123456789, time.UTC),
		time.Date(12021, 2, 5, 22, 17, 9, 123456789, time.UTC),
		time.Date(1202112, 2, 5, 22, 17, 9, 123456789, time.UTC),
	} {
		record, err := encoder.Append(nil, &beat.Event{Timestamp: time.Unix(0, 0), Fields: mapstr.M{"at": at}})
		require.NoError(t, err)
		entry, ok := decodeMsgpack(t, record).([]any)
		require.True(t, ok)
		require.Equal(t, map[string]any{"at": string(newTimeFormat().append(nil, at))}, entry[1])
	}
}

func TestNestingThatIsTooDeepIsDropped(t *testing.T) {
	loop := mapstr.M{}
	loop["again"] = loop
	list := []any{nil}
	list[0] = list
	for _, name := range Names() {
		if traits[name].partial {
			continue
		}
		t.Run(name, func(t *testing.T) {
			requireDrop(t, newTestEncoder(t, name), &beat.Event{Fields: loop}, ReasonEncode)
			requireDrop(t, newTestEncoder(t, name), &beat.Event{Fields: mapstr.M{"list": list}}, ReasonEncode)
			requireDrop(t, newTestEncoder(t, name), &beat.Event{Fields: mapstr.M{"lists": []mapstr.M{loop}}}, ReasonEncode)
		})
	}
}

// decodeEventTime is the time that a record of MessagePack begins with.
func decodeEventTime(t *testing.T, v any) time.Time {
	t.Helper()
	if seconds, ok := v.(int64); ok {
		return time.Unix(seconds, 0)
	}
	extension, ok := v.(*msgp.RawExtension)
	require.True(t, ok, "%T", v)
	require.Zero(t, extension.Type)
	require.Len(t, extension.Data, 8)
	var seconds, nanoseconds int64
	for i, b := range extension.Data {
		if i < 4 {
			seconds = seconds<<8 | int64(b)
		} else {
			nanoseconds = nanoseconds<<8 | int64(b)
		}
	}
	return time.Unix(seconds, nanoseconds)
}
