// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package readers

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/beat"
	conf "github.com/elastic/elastic-agent-libs/config"

	"filebeat-websocket/outputs/codec"
	"filebeat-websocket/outputs/websocket/framing"
)

var seedFlag = flag.Uint64("seed", 0, "seed of the generated events; 0 takes the clock")

const (
	eventsEach     = 3000
	mostPerMessage = 40
)

var info = beat.Info{Beat: "filebeat", Version: "9.0.0", Hostname: "agent-1"}

// written is what is sent in one format.
type written struct {
	codec   string
	options map[string]any
	framing framing.Framing
	// kind is what the programs call it.
	kind string
	// flat says that the format has no nested fields.
	flat bool
	// meaning is what a reader is to find in the record of an event.
	meaning func(e meantEvent, doubles bool) any
	// onlyPython says that only the reader in Python knows the kind.
	onlyPython bool
}

func formats(t *testing.T) map[string]written {
	t.Helper()
	layout := func(name string) framing.Framing {
		f, err := framing.Get(name)
		require.NoError(t, err)
		return f
	}
	requests := func(mode string, chunks bool) framing.Framing {
		f, err := framing.Forward(framing.ForwardOptions{Mode: mode, Chunks: chunks})
		require.NoError(t, err)
		return f
	}
	version1, dated := map[string]any{"version": 1}, map[string]any{"json_date_key": "date", "json_date_format": "epoch_ms"}
	columns := map[string]any{"fields": []string{"message", "@metadata._id", "@timestamp", "tags", "none"}}
	return map[string]written{
		"json":                        {codec: "json", framing: layout("message"), kind: "json", meaning: meantJSON},
		"json_lines":                  {codec: "json", framing: layout("lines"), kind: "json_lines", meaning: meantJSON},
		"json_array":                  {codec: "json", framing: layout("array"), kind: "json_array", meaning: meantJSON},
		"json_stream":                 {codec: "json", framing: layout("concat"), kind: "json_stream", meaning: meantJSON, onlyPython: true},
		"json with a date":            {codec: "json", options: dated, framing: layout("lines"), kind: "json_lines", meaning: meantDate},
		"log":                         {codec: "log", framing: layout("lines"), kind: "json_lines", meaning: meantLog},
		"gelf":                        {codec: "gelf", framing: layout("message"), kind: "json", flat: true, meaning: meantGELF},
		"msgpack":                     {codec: "msgpack", framing: layout("concat"), kind: "msgpack", meaning: meantMsgpack},
		"msgpack of version 1":        {codec: "msgpack", options: version1, framing: layout("message"), kind: "msgpack", meaning: meantEntry},
		"forward, one by one":         {codec: "forward", framing: requests(framing.ModeMessage, true), kind: "forward", meaning: meantForward},
		"forward, without an option":  {codec: "forward", framing: requests(framing.ModeMessage, false), kind: "forward", meaning: meantForward},
		"forward, as an array":        {codec: "forward", framing: requests(framing.ModeForward, true), kind: "forward", meaning: meantForward},
		"forward, packed":             {codec: "forward", framing: requests(framing.ModePacked, false), kind: "forward", meaning: meantForward},
		"forward, packed with chunks": {codec: "forward", framing: requests(framing.ModePacked, true), kind: "forward", meaning: meantForward},
		"forward, compressed":         {codec: "forward", framing: requests(framing.ModeCompressed, true), kind: "forward", meaning: meantForward},
		"ltsv":                        {codec: "ltsv", framing: layout("lines"), kind: "ltsv", flat: true, meaning: meantLTSV, onlyPython: true},
		"form":                        {codec: "form", framing: layout("message"), kind: "form", flat: true, meaning: meantForm},
		"csv":                         {codec: "csv", options: columns, framing: layout("lines"), kind: "csv", flat: true, meaning: meantCSV, onlyPython: true},
	}
}

func TestForeignReadersFindWhatWasMeant(t *testing.T) {
	readers := map[string]program{"Python": python(t), "Node": node(t)}
	for description, w := range formats(t) {
		for reader, p := range readers {
			if w.onlyPython && reader != "Python" {
				continue
			}
			t.Run(description+"/"+reader, func(t *testing.T) {
				g := newGenerator(t)
				g.flat = w.flat
				// The library of Node reads a str that is not UTF-8 in its own way.
				g.validText = reader == "Node" && (w.kind == "msgpack" || w.kind == "forward")
				w.check(t, g, p)
			})
		}
	}
}

func newGenerator(t *testing.T) *generator {
	t.Helper()
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("generated with -seed %d", seed)
	return &generator{Rand: rand.New(rand.NewPCG(seed, 1))}
}

func (w written) check(t *testing.T, g *generator, p program) {
	t.Helper()
	newEncoder, binary, err := codec.New(w.codec, info, conf.MustNewConfigFrom(w.options))
	require.NoError(t, err)
	encoder := newEncoder()

	var messages [][]byte
	var meant [][]any
	for left := eventsEach; left > 0; {
		records, meanings := [][]byte{}, []any{}
		count := 1
		if !w.framing.Single() {
			count = min(left, 1+g.IntN(mostPerMessage))
		}
		for range count {
			e := g.event()
			record, err := encoder.Append(nil, e.event)
			require.NoError(t, err)
			if !binary {
				record = bytes.ToValidUTF8(record, []byte("\ufffd")) // as the output does
			}
			records = append(records, record)
			meanings = append(meanings, w.meaning(e, p.doubles))
		}
		left -= count
		messages = append(messages, w.framing.Append(nil, records))
		meant = append(meant, meanings)
	}
	for number, line := range p.read(t, w.kind, messages) {
		expected, err := json.Marshal(meant[number])
		require.NoError(t, err)
		require.Equal(t, decoded(t, expected), decoded(t, line), "message %d", number)
	}
}

func decoded(t *testing.T, text []byte) (v any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(text, &v), "%s", text)
	return v
}

// withLengths puts its length before each message, 4 bytes, big endian.
func withLengths(messages [][]byte) []byte {
	var all []byte
	for _, message := range messages {
		all = binary.BigEndian.AppendUint32(all, uint32(len(message)))
		all = append(all, message...)
	}
	return all
}

func (e meantEvent) withFields(others map[string]any) map[string]any {
	maps.Copy(others, e.meant)
	return others
}

func jsonOf(v any, doubles bool) any {
	m := jsonManner
	m.doubles = doubles
	return m.canonical(v)
}

func meantJSON(e meantEvent, doubles bool) any {
	metadata := map[string]any{"beat": "filebeat", "type": "_doc", "version": "9.0.0"}
	if e.id != "" {
		metadata["_id"] = e.id
	}
	at := e.event.Timestamp.UTC().Format("2006-01-02T15:04:05.000Z")
	return jsonOf(e.withFields(map[string]any{"@timestamp": at, "@metadata": metadata}), doubles)
}

func meantDate(e meantEvent, doubles bool) any {
	return jsonOf(e.withFields(map[string]any{"date": e.event.Timestamp.UnixMilli()}), doubles)
}

func meantLog(e meantEvent, doubles bool) any {
	at := e.event.Timestamp.UTC().Format(time.RFC3339Nano)
	return jsonOf(map[string]any{"timestamp": at, "message": e.meant["message"]}, doubles)
}

func meantGELF(e meantEvent, doubles bool) any {
	fields := map[string]any{
		"version": "1.1", "host": "agent-1", "short_message": e.meant["message"],
		"timestamp": float64(e.event.Timestamp.UnixMilli()) / 1000,
	}
	for name, v := range numbersAsTheyAre(e) {
		name = "_" + label(name)
		switch v := v.(type) {
		case nil:
		case []any:
			fields[name] = joined(v)
		case []byte:
			fields[name] = string(v)
		case bool:
			fields[name] = fmt.Sprint(v)
		default:
			fields[name] = v
		}
	}
	delete(fields, "_message")
	return jsonOf(fields, doubles)
}

// numbersAsTheyAre is flat with an underscore between names, and with values
// that are not text yet. NaN and the infinities are null.
func numbersAsTheyAre(e meantEvent) map[string]any {
	fields := flat(e, "_")
	for key, v := range e.meant {
		if _, there := fields[key]; there && flatText(v) != nil {
			fields[key] = v
		}
	}
	inner, _ := e.meant["inner"].(map[string]any)
	for key, v := range inner {
		if flatText(v) != nil {
			fields["inner_"+key] = v
		}
	}
	return fields
}

func meantMsgpack(e meantEvent, _ bool) any {
	metadata := map[string]any{}
	if e.id != "" {
		metadata["_id"] = e.id
	}
	head := []any{"l", eventTime(e.event.Timestamp), msgpackManner.canonical(metadata)}
	return []any{"l", head, msgpackManner.canonical(e.meant)}
}

func meantEntry(e meantEvent, _ bool) any {
	fields := e.withFields(map[string]any{})
	if e.id != "" {
		fields["@metadata"] = map[string]any{"_id": e.id}
	}
	return []any{"l", eventTime(e.event.Timestamp), msgpackManner.canonical(fields)}
}

func meantForward(e meantEvent, doubles bool) any {
	entry, _ := meantEntry(e, doubles).([]any)
	return append([]any{"l", msgpackManner.canonical(framing.DefaultTag)}, entry[1:]...)
}

func meantLTSV(e meantEvent, _ bool) any {
	blank := strings.NewReplacer("\t", " ", "\r", " ", "\n", " ")
	fields := map[string]any{"time": e.event.Timestamp.UTC().Format("2006-01-02T15:04:05.000000Z")}
	for name, v := range flat(e, ".") {
		fields[label(name)] = blank.Replace(joined(v))
	}
	return manner{text: replaceRuns}.canonical(fields)
}

func meantForm(e meantEvent, _ bool) any {
	fields := map[string]any{"@timestamp": []any{e.event.Timestamp.UTC().Format("2006-01-02T15:04:05.000Z")}}
	for name, v := range flat(e, ".") {
		switch v := v.(type) {
		case nil:
			fields[name] = []any{""}
		case []any:
			fields[name] = v
		default:
			fields[name] = []any{v}
		}
	}
	return manner{text: replaceEach}.canonical(fields)
}

func meantCSV(e meantEvent, _ bool) any {
	at := e.event.Timestamp.UTC().Format("2006-01-02T15:04:05.000Z")
	return manner{text: replaceRuns}.canonical([]any{e.meant["message"], e.id, at, "", ""})
}
