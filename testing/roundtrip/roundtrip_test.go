// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package roundtrip

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"math"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
	conf "github.com/elastic/elastic-agent-libs/config"
	"github.com/elastic/elastic-agent-libs/mapstr"
	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"filebeat-websocket/outputs/codec"
	"filebeat-websocket/outputs/websocket/framing"
	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/decode"
)

// glog, which libbeat links in, starts a goroutine at init.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/golang/glog.(*fileSink).flushDaemon"), goleak.IgnoreAnyFunction("k8s.io/klog/v2.(*flushDaemon).run.func1"))
}

var eventTime = time.Date(2021, 2, 5, 22, 17, 9, 123456789, time.UTC)

// events are what the text formats could stumble over.
func events() []beat.Event {
	fields := []mapstr.M{
		{"message": "a plain line"},
		{"message": "", "empty": mapstr.M{}, "list": []any{}},
		{"message": "a:b\tc=d&e \"quoted\", 'and' \\back\\slashed\\t\\n"},
		{"message": "two\r\nlines\rand\na bit\x00\x1b[31m"},
		{"message": "ä € 😀 \u2028\u2029 <b>&amp;</b>"},
		{"message": "{\"json\": [1, 2]}", "log": mapstr.M{"offset": 12345, "file": mapstr.M{"path": "/var/log/x.log"}}},
		{"message": "numbers", "n": mapstr.M{"big": uint64(math.MaxUint64), "odd": int64(1<<53 + 1), "least": int64(math.MinInt64), "float": 0.1, "huge": 1e300, "nan": math.NaN()}},
		{"message": "kinds", "yes": true, "no": false, "nothing": nil, "tags": []string{"a", "b,c", "d e"}, "deep": []any{1, []any{"x", mapstr.M{"y": nil}}}},
		{"message": "names", "a b": 1, "a.b": 2, "ä": 3, "": 4, "time": "mine", "tag": "mine", "id": "mine"},
	}
	all := make([]beat.Event, 0, len(fields))
	for _, f := range fields {
		all = append(all, beat.Event{Timestamp: eventTime, Fields: f})
	}
	all[0].Meta = mapstr.M{"_id": "the-id"}
	return all
}

// sink keeps the records of a receiver, and what it took the messages for.
type sink struct {
	mutex   sync.Mutex
	records []string
	formats map[string]bool
}

func (s *sink) consume(_ context.Context, m *receiver.Message) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, record := range m.Records {
		s.records = append(s.records, string(record))
	}
	s.formats[m.Format] = true
	return nil
}

// through sends messages to a receiver with these options and returns what it
// made of them.
func through(t *testing.T, options receiver.Options, frameType int, messages [][]byte) ([]string, map[string]bool) {
	t.Helper()
	s := &sink{formats: map[string]bool{}}
	ingest, err := receiver.New(receiver.SinkFunc(s.consume), options)
	require.NoError(t, err)
	server := httptest.NewServer(ingest)
	defer server.Close()
	defer func() { require.NoError(t, ingest.Shutdown(context.WithoutCancel(t.Context()))) }()
	ws, res, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http"), nil)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	defer ws.Close() //nolint:errcheck // it was closed by both sides
	for _, m := range messages {
		require.NoError(t, ws.WriteMessage(frameType, m))
	}
	require.NoError(t, ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Minute)))
	for {
		if _, _, err = ws.ReadMessage(); err != nil {
			break
		}
	}
	require.True(t, websocket.IsCloseError(err, websocket.CloseNormalClosure), "%v", err)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.records, s.formats
}

// encode returns the records of a codec.
func encode(t *testing.T, name string, settings map[string]any, all []beat.Event) (records [][]byte, binary bool) {
	t.Helper()
	cfg, err := conf.NewConfigFrom(settings)
	require.NoError(t, err)
	newEncoder, binary, err := codec.New(name, beat.Info{Beat: "filebeat", Version: "9.0.0", Hostname: "agent"}, cfg)
	require.NoError(t, err)
	encoder := newEncoder()
	for i := range all {
		record, err := encoder.Append(nil, &all[i])
		require.NoError(t, err)
		records = append(records, bytes.ToValidUTF8(record, []byte("\uFFFD")))
		if binary {
			records[i] = record
		}
	}
	return records, binary
}

// decoded returns the value of a record, its numbers as their digits.
func decoded(t *testing.T, record string) map[string]any {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(record))
	decoder.UseNumber()
	var value map[string]any
	require.NoError(t, decoder.Decode(&value), record)
	return value
}

// layOut makes messages of records.
func layOut(f framing.Framing, records [][]byte) (messages [][]byte) {
	if !f.Single() {
		return [][]byte{f.Append(nil, records)}
	}
	for i := range records {
		messages = append(messages, f.Append(nil, records[i:i+1]))
	}
	return messages
}

func TestWhatTheOutputSendsTheReceiverReads(t *testing.T) {
	all := events()
	asJSON, _ := encode(t, "json", nil, all)
	for name, test := range map[string]struct {
		codec, framing string
		mode           string // of forward
		settings       map[string]any
		format         string // that auto has to find
	}{
		"json":                {codec: "json", framing: "message", format: "json"},
		"json_lines":          {codec: "json", framing: "lines", format: "json_lines"},
		"json_array":          {codec: "json", framing: "array", format: "json_array"},
		"json_stream":         {codec: "json", framing: "concat", format: "json_stream"},
		"msgpack":             {codec: "msgpack", framing: "concat", format: "msgpack"},
		"msgpack, one each":   {codec: "msgpack", framing: "message", format: "msgpack"},
		"msgpack 1":           {codec: "msgpack", framing: "concat", settings: map[string]any{"version": 1}, format: "msgpack"},
		"forward: message":    {codec: "forward", mode: framing.ModeMessage, format: "forward"},
		"forward: forward":    {codec: "forward", mode: framing.ModeForward, format: "forward"},
		"forward: packed":     {codec: "forward", mode: framing.ModePacked, format: "forward"},
		"forward: compressed": {codec: "forward", mode: framing.ModeCompressed, format: "forward"},
	} {
		t.Run(name, func(t *testing.T) {
			records, binary := encode(t, test.codec, test.settings, all)
			layout, err := framing.Framing(nil), error(nil)
			if test.mode != "" {
				layout, err = framing.Forward(framing.ForwardOptions{Mode: test.mode, Chunks: true})
			} else {
				layout, err = framing.Get(test.framing)
			}
			require.NoError(t, err)
			frameType := websocket.TextMessage
			if binary {
				frameType = websocket.BinaryMessage
			}
			for _, format := range []string{"auto", test.format} {
				got, formats := through(t, receiver.Options{Format: format}, frameType, layOut(layout, records))
				require.Equal(t, map[string]bool{test.format: true}, formats)
				require.Len(t, got, len(all))
				for i := range all {
					want := decoded(t, string(asJSON[i]))
					if binary {
						want["@timestamp"] = eventTime.Format(time.RFC3339Nano)
						delete(want, "@metadata")
						if id, ok := all[i].Meta["_id"]; ok {
							want["@metadata"] = map[string]any{"_id": id}
						}
					}
					if _, own := want["tag"]; test.mode != "" && !own {
						want["tag"] = "filebeat"
					}
					require.Equal(t, want, decoded(t, got[i]))
				}
			}
		})
	}
}

// flat is what text formats make of an event: names that are paths, values that
// are text.
func TestWhatTheOutputSendsAsTextTheReceiverReads(t *testing.T) {
	all := events()
	columns := []string{"@timestamp", "message", "log.offset", "tags", "@metadata._id"}
	messageOf := func(e *beat.Event) string {
		text, _ := e.Fields["message"].(string)
		return text
	}
	inOneLine := strings.NewReplacer("\t", " ", "\r", " ", "\n", " ", "\x00", " ")
	for name, test := range map[string]struct {
		codec, framing string
		settings       map[string]any
		options        receiver.Options
		message        string                   // the name of the line in a record
		line           func(*beat.Event) string // the line as it has to arrive
		also           map[int]map[string]any   // fields of some of the records
		auto           string                   // what auto takes it for, empty if for something else
	}{
		"log": {codec: "log", framing: "message", options: receiver.Options{Format: "log"}, message: "message", line: messageOf, auto: "log"},
		"raw": {codec: "raw", framing: "message", options: receiver.Options{Format: "raw"}, message: "message", line: messageOf},
		"gelf": {
			codec: "gelf", framing: "message", options: receiver.Options{Format: "gelf"}, message: "short_message", line: messageOf, auto: "gelf",
			also: map[int]map[string]any{0: {"version": "1.1", "host": "agent", "timestamp": json.Number("1612563429.123")}, 5: {"_log_offset": json.Number("12345")}},
		},
		"ltsv": {
			codec: "ltsv", framing: "lines", options: receiver.Options{Format: "ltsv"}, message: "message", auto: "ltsv",
			line: func(e *beat.Event) string { return inOneLine.Replace(messageOf(e)) },
			also: map[int]map[string]any{0: {"time": "2021-02-05T22:17:09.123456Z"}, 5: {"log.offset": "12345"}, 6: {"n.big": "18446744073709551615"}},
		},
		"ltsv with escapes": {
			codec: "ltsv", framing: "lines", settings: map[string]any{"escape": true}, options: receiver.Options{Format: "ltsv", LTSV: decode.LTSVOptions{Escape: true}},
			message: "message", line: func(e *beat.Event) string { return strings.ReplaceAll(messageOf(e), "\x00", " ") }, auto: "ltsv",
		},
		"ltsv that is a form": {
			codec: "ltsv", framing: "lines", settings: map[string]any{"delimiter": "&", "label_delimiter": "="},
			options: receiver.Options{Format: "ltsv", LTSV: decode.LTSVOptions{Delimiter: "&", LabelDelimiter: "="}}, message: "message", line: messageOf,
		},
		"form": {
			codec: "form", framing: "message", options: receiver.Options{Format: "form"}, message: "message", line: messageOf, auto: "form",
			also: map[int]map[string]any{0: {"@metadata._id": "the-id"}, 7: {"tags": []any{"a", "b,c", "d e"}, "yes": "true", "nothing": ""}, 5: {"log.file.path": "/var/log/x.log"}},
		},
		"csv": {
			codec: "csv", framing: "lines", settings: map[string]any{"fields": columns, "separator": ";"},
			options: receiver.Options{Format: "csv", CSV: decode.CSVOptions{Fields: columns, Separator: ";"}}, message: "message", line: messageOf,
			also: map[int]map[string]any{0: {"@metadata._id": "the-id", "@timestamp": "2021-02-05T22:17:09.123Z", "log.offset": ""}, 5: {"log.offset": "12345"}},
		},
		"csv without names": {
			codec: "csv", framing: "lines", settings: map[string]any{"fields": columns}, options: receiver.Options{Format: "csv"}, message: "c2", line: messageOf,
		},
	} {
		t.Run(name, func(t *testing.T) {
			records, _ := encode(t, test.codec, test.settings, all)
			layout, err := framing.Get(test.framing)
			require.NoError(t, err)
			messages := layOut(layout, records)
			got, formats := through(t, test.options, websocket.TextMessage, messages)
			require.Equal(t, map[string]bool{test.options.Format: true}, formats)
			require.Len(t, got, len(all))
			for i := range all {
				record := decoded(t, got[i])
				want := map[string]any{test.message: test.line(&all[i])}
				if test.codec == "gelf" && want[test.message] == "" {
					want[test.message] = "-"
				}
				maps.Copy(want, test.also[i])
				for field, value := range want {
					require.Equal(t, value, record[field], "%s of %s", field, got[i])
				}
			}
			if test.auto == "" {
				return
			}
			test.options.Format = "auto"
			again, formats := through(t, test.options, websocket.TextMessage, messages)
			require.Equal(t, map[string]bool{test.auto: true}, formats)
			require.Equal(t, got, again)
		})
	}
}
