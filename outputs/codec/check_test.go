// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/stretchr/testify/require"
)

func checkJSON(t *testing.T, event *beat.Event, record []byte) {
	t.Helper()
	expected, err := newLibbeatJSON().Encode(testInfo.Beat, event)
	require.NoError(t, err)
	require.Equal(t, decodeJSON(t, expected), decodeJSON(t, record))
}

func checkLog(t *testing.T, event *beat.Event, record []byte) {
	t.Helper()
	object, ok := decodeJSON(t, record).(map[string]any)
	require.True(t, ok)
	require.Len(t, object, 2)
	timestamp, ok := object["timestamp"].(string)
	require.True(t, ok)
	if year := event.Timestamp.UTC().Year(); year >= 0 && year <= 9999 {
		at, err := time.Parse(time.RFC3339Nano, timestamp)
		require.NoError(t, err)
		require.True(t, event.Timestamp.Equal(at))
	}
	if line, ok := event.Fields["message"].(string); ok {
		require.Equal(t, string([]rune(line)), object["message"])
	}
}

func checkRaw(t *testing.T, event *beat.Event, record []byte) {
	t.Helper()
	if line, ok := event.Fields["message"].(string); ok {
		require.Equal(t, line, string(record))
	}
}

func checkMsgpack(t *testing.T, event *beat.Event, record []byte) {
	t.Helper()
	entry, ok := decodeMsgpack(t, record).([]any)
	require.True(t, ok)
	require.Len(t, entry, 2)
	head, ok := entry[0].([]any)
	require.True(t, ok)
	require.Len(t, head, 2)
	requireTime(t, event, head[0])
	require.Equal(t, comparableValue(asMsgpackMap(t, event.Meta)), head[1])
	require.Equal(t, comparableValue(asMsgpackMap(t, event.Fields)), entry[1])
}

func checkForward(t *testing.T, event *beat.Event, record []byte) {
	t.Helper()
	entry, ok := decodeMsgpack(t, record).([]any)
	require.True(t, ok)
	require.Len(t, entry, 2)
	requireTime(t, event, entry[0])
	expected := asMsgpackMap(t, event.Fields)
	if id := event.Meta["_id"]; id != nil {
		if _, taken := expected["@metadata"]; !taken {
			expected["@metadata"] = map[string]any{"_id": asMsgpack(t, id)}
		}
	}
	require.Equal(t, comparableValue(expected), entry[1])
}

// requireTime holds that a time of MessagePack is that of the event, which loses
// what is below a second if it has no room for it.
func requireTime(t *testing.T, event *beat.Event, encoded any) {
	t.Helper()
	at := event.Timestamp
	if seconds := at.Unix(); seconds < 0 || seconds > math.MaxUint32 {
		at = time.Unix(seconds, 0)
	}
	require.True(t, at.Equal(decodeEventTime(t, encoded)))
}

func checkGELF(t *testing.T, event *beat.Event, record []byte) {
	t.Helper()
	object, ok := decodeJSON(t, record).(map[string]any)
	require.True(t, ok)
	for _, name := range []string{"host", "short_message"} {
		text, ok := object[name].(string)
		require.True(t, ok)
		require.NotEmpty(t, text)
	}
	require.Equal(t, "1.1", object["version"])
	require.Equal(t, json.Number(fmt.Sprintf("%s%d.%03d", sign(event.Timestamp), abs(event.Timestamp)/1000, abs(event.Timestamp)%1000)), object["timestamp"])
	for name, v := range object {
		require.Regexp(t, gelfName, name)
		require.NotEqual(t, "_id", name)
		switch v.(type) {
		case string, json.Number:
		default:
			require.Fail(t, "neither text nor a number", "%s: %v", name, v)
		}
	}
	flattened := flattenReference(t, event, "\x00", false)
	valuesOf := valuesByWrittenName(flattened, sanitized)
	for name, values := range flattened {
		label := "_" + sanitized(name)
		alike := valuesOf[sanitized(name)] > len(values)
		if got, there := object[label]; there && !alike && values[0] != nil {
			if text, ok := values[0].(string); ok {
				values[0] = string([]rune(text))
			}
			requireText(t, values[0], textOfJSON(got), name)
		}
	}
}

var (
	gelfName  = regexp.MustCompile(`^(version|host|short_message|full_message|timestamp|level|_[A-Za-z0-9_.\-]*)$`)
	ltsvLabel = regexp.MustCompile(`^[0-9A-Za-z_.\-]+$`)
)

func sign(at time.Time) string {
	if at.UnixMilli() < 0 {
		return "-"
	}
	return ""
}

func abs(at time.Time) int64 { return max(at.UnixMilli(), -at.UnixMilli()) }

func textOfJSON(v any) string {
	if number, ok := v.(json.Number); ok {
		return string(number)
	}
	return fmt.Sprint(v)
}

func checkLTSV(t *testing.T, event *beat.Event, record []byte) {
	t.Helper()
	require.NotContains(t, string(record), "\n")
	values := map[string]string{}
	fields := strings.Split(string(record), "\t")
	for i, field := range fields {
		label, v, found := strings.Cut(field, ":")
		require.True(t, found, "%q", field)
		require.Regexp(t, ltsvLabel, label)
		require.Equal(t, i == 0, label == "time")
		values[label] = v
	}
	require.Equal(t, event.Timestamp.UTC().Format("2006-01-02T15:04:05.000000Z"), values["time"])
	blank := strings.NewReplacer("\t", " ", "\r", " ", "\n", " ", "\x00", " ")
	flattened := flattenReference(t, event, ".", false)
	delete(flattened, "time")
	require.Len(t, fields, len(flattened)+1)
	labelOf := func(name string) string { return cmp.Or(sanitized(name), "_") } // a label has a byte at least
	valuesOf := valuesByWrittenName(flattened, labelOf)
	for name, entry := range flattened {
		if text, ok := entry[0].(string); ok {
			entry[0] = blank.Replace(text)
		}
		label := labelOf(name)
		require.Contains(t, values, label)
		if valuesOf[label] > len(entry) {
			continue // several names are written alike
		}
		requireText(t, entry[0], values[label], name)
	}
}

func checkForm(t *testing.T, event *beat.Event, record []byte) {
	t.Helper()
	require.Regexp(t, `^[0-9A-Za-z*\-._+%&=]+$`, string(record))
	got, err := url.ParseQuery(string(record))
	require.NoError(t, err)
	for name, values := range got {
		require.True(t, utf8.ValidString(name))
		for _, v := range values {
			require.True(t, utf8.ValidString(v))
		}
	}
	require.Equal(t, string(newTimeFormat().append(nil, event.Timestamp)), got.Get("@timestamp"))
	flattened := flattenReference(t, event, ".", true)
	delete(flattened, "@timestamp")
	written := func(name string) string { return string([]rune(name)) }
	valuesOf := valuesByWrittenName(flattened, written)
	require.Len(t, got, len(valuesOf)+1)
	for name, values := range flattened {
		texts := got[written(name)]
		require.Len(t, texts, valuesOf[written(name)], name)
		if len(texts) != len(values) {
			continue // several names are written alike
		}
		for i, v := range values {
			if text, ok := v.(string); ok {
				v = string([]rune(text))
			}
			requireText(t, v, texts[i], name)
		}
	}
}

func checkCSV(t *testing.T, event *beat.Event, record []byte) {
	t.Helper()
	reader := csv.NewReader(bytes.NewReader(append(record, '\n')))
	columns, err := reader.Read()
	require.NoError(t, err, "%q", record)
	require.Equal(t, len(record)+1, int(reader.InputOffset()), "more than one line: %q", record)
	require.Len(t, columns, len(csvColumns))
	require.Equal(t, string(newTimeFormat().append(nil, event.Timestamp)), columns[0])
	if line, ok := event.Fields["message"].(string); ok {
		// The reader makes LF of CR LF within quotes.
		require.Equal(t, strings.ReplaceAll(line, "\r\n", "\n"), columns[1])
	}
}

var notLabel = regexp.MustCompile("[^0-9A-Za-z_.-]")

// sanitized is name with an underscore for each byte that a label can't have.
func sanitized(name string) string {
	return string(notLabel.ReplaceAll(latin1(name), []byte("_")))
}

// latin1 makes a character of every byte, and so one underscore.
func latin1(s string) []byte {
	characters := make([]rune, len(s))
	for i := range len(s) {
		characters[i] = rune(s[i])
	}
	return []byte(string(characters))
}

// valuesByWrittenName returns how many values each name has as a format writes it.
// Names that hold different bytes that a format has no room for are written alike.
func valuesByWrittenName(flattened map[string][]any, written func(name string) string) map[string]int {
	counts := map[string]int{}
	for name, values := range flattened {
		counts[written(name)] += len(values)
	}
	return counts
}

// flattenReference has the values of an event by their flat name: text, numbers
// as text, truth values, nil, and lists, which become several values if they are
// to be repeated.
func flattenReference(t *testing.T, event *beat.Event, separator string, repeat bool) map[string][]any {
	t.Helper()
	flat := map[string][]any{}
	var add func(name string, v any)
	add = func(name string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, entry := range v {
				add(name+separator+key, entry)
			}
		case []any:
			if !repeat {
				flat[name] = append(flat[name], v)
				return
			}
			for _, entry := range v {
				add(name, entry)
			}
		case []byte:
			flat[name] = append(flat[name], string(v))
		default:
			flat[name] = append(flat[name], v)
		}
	}
	for key, v := range event.Fields {
		add(key, asMsgpack(t, v))
	}
	if id := event.Meta["_id"]; id != nil {
		add("@metadata"+separator+"_id", asMsgpack(t, id))
	}
	return flat
}

// requireText holds that text is what a flat format has for v.
func requireText(t *testing.T, v any, text, name string) {
	t.Helper()
	switch v := v.(type) {
	case nil:
		require.Empty(t, text, name)
	case string:
		require.Equal(t, v, text, name)
	case []any:
		expected, err := (&jsonValues{times: newTimeFormat()}).append([]byte(`{"list":`), v, 1)
		require.NoError(t, err)
		require.Equal(t, decodeJSON(t, append(expected, '}')), decodeJSON(t, []byte(`{"list":`+text+"}")), name)
	default:
		expected, err := (&jsonValues{times: newTimeFormat()}).append(nil, v, 1)
		require.NoError(t, err)
		if string(expected) == "null" {
			expected = nil
		}
		require.Equal(t, string(expected), text, name)
	}
}

func TestEveryRecordHoldsWhatIsMeant(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			g := newGenerator(t)
			encoder := newTestEncoder(t, name)
			var record []byte
			for number := range generatedEvents / 4 {
				event := g.event()
				event.Fields["message"] = g.text()
				var err error
				record, err = encoder.Append(record[:0], event)
				require.NoError(t, err, "event %d", number)
				checkRecord(t, name, event, record)
			}
		})
	}
}
