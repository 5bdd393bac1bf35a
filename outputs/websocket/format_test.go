// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"encoding/hex"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/elastic-agent-libs/logp"
	"github.com/elastic/elastic-agent-libs/monitoring"

	"filebeat-websocket/outputs/codec"
	"filebeat-websocket/outputs/websocket/framing"
	"filebeat-websocket/outputs/websocket/internal/options"
)

// formatOf returns what the settings mean.
func formatOf(t *testing.T, yaml string) (*config, *wireFormat) {
	t.Helper()
	cfg := configFrom(t, yaml)
	require.NoError(t, cfg.Merge(configFrom(t, `hosts: [h]`)))
	c, err := readConfig(cfg)
	require.NoError(t, err)
	format, err := c.wireFormat(beat.Info{Beat: "filebeat", Version: "9.0.0", Hostname: "agent-1"})
	require.NoError(t, err)
	return c, format
}

// twoEvents are "hello" and, a second later, "you". They have one field each,
// since the fields of an event have no order.
func twoEvents() []*beat.Event {
	first, second := testEvent("hello"), testEvent("you")
	second.Timestamp = second.Timestamp.Add(time.Second)
	return []*beat.Event{first, second}
}

// wireMessage returns the one message that the settings make of events.
func wireMessage(t *testing.T, yaml string) (message []byte, c *config, format *wireFormat) {
	t.Helper()
	c, format = formatOf(t, yaml)
	events := twoEvents()
	if format.framing.Single() {
		events = events[:1]
	}
	early := newEncoderFactory(c, format, nil, nil)().(*encoder) //nolint:errcheck,forcetypeassert // it is what the factory makes
	var records []*record
	for _, event := range events {
		r := early.encode(event)
		require.Empty(t, r.reason, "%v", r.err)
		records = append(records, r)
	}
	spans := cut(records, format, int(c.MaxMessageBytes))
	require.Len(t, spans, 1)
	sender := &client{shared: &shared{format: format, stats: newStats(monitoring.NewRegistry(), logp.NewLogger("test"))}}
	d := &delivery{client: sender, records: records, spans: spans}
	message = d.AppendTo(nil, 0)
	require.LessOrEqual(t, len(message), d.Size(0))
	return message, c, format
}

const (
	jsonOne = `{"@timestamp":"2021-02-05T22:17:09.123Z","@metadata":{"beat":"filebeat","type":"_doc","version":"9.0.0"},"message":"hello"}`
	jsonTwo = `{"@timestamp":"2021-02-05T22:17:10.123Z","@metadata":{"beat":"filebeat","type":"_doc","version":"9.0.0"},"message":"you"}`
	logOne  = `{"timestamp":"2021-02-05T22:17:09.123456789Z","message":"hello"}`
	logTwo  = `{"timestamp":"2021-02-05T22:17:10.123456789Z","message":"you"}`
)

func TestWireFormatsOfThePresets(t *testing.T) {
	for yaml, want := range map[string]struct {
		framing string
		binary  bool
		message string // in hex if it is binary
	}{
		`format: json`:        {"message", false, jsonOne},
		`format: json_lines`:  {"lines", false, jsonOne + "\n" + jsonTwo + "\n"},
		`format: json_array`:  {"array", false, "[" + jsonOne + "," + jsonTwo + "]"},
		`format: json_stream`: {"concat", false, jsonOne + jsonTwo},

		`{format: json_lines, json_date_key: date}`:                              {"lines", false, `{"date":1612563429.123457,"message":"hello"}` + "\n" + `{"date":1612563430.123457,"message":"you"}` + "\n"},
		`{format: json, json_date_key: date, json_date_format: EPOCH_MS}`:        {"message", false, `{"date":1612563429123,"message":"hello"}`},
		`{format: json, json_date_key: "@timestamp", json_date_format: iso8601}`: {"message", false, `{"@timestamp":"2021-02-05T22:17:09.123456Z","message":"hello"}`},

		`format: log`:                   {"message", false, logOne},
		`{format: log, framing: lines}`: {"lines", false, logOne + "\n" + logTwo + "\n"},
		`format: raw`:                   {"message", false, `hello`},
		`{format: raw, framing: lines}`: {"lines", false, "hello\nyou\n"},

		`{format: raw, codec.format.string: "<%{[message]}>"}`: {"message", false, `<hello>`},
		`codec.format.string: "<%{[message]}>"`:                {"message", false, `<hello>`},
		`{format: raw, codec.json.pretty: false}`:              {"message", false, jsonOne},

		`format: gelf`: {"message", false, `{"version":"1.1","host":"agent-1","short_message":"hello","timestamp":1612563429.123}`},
		`{format: gelf, framing: lines, gelf.host_key: agent.name}`: {"lines", false, `{"version":"1.1","host":"agent-1","short_message":"hello","timestamp":1612563429.123}` + "\n" +
			`{"version":"1.1","host":"agent-1","short_message":"you","timestamp":1612563430.123}` + "\n"},

		`format: ltsv`: {"lines", false, "time:2021-02-05T22:17:09.123456Z\tmessage:hello\ntime:2021-02-05T22:17:10.123456Z\tmessage:you\n"},
		`{format: ltsv, framing: message, ltsv: {delimiter: "&", label_delimiter: "="}, json_date_format: epoch}`: {"message", false, "time=1612563429&message=hello"},

		`{format: csv, csv.fields: ["@timestamp", message, nothing]}`:                        {"lines", false, "2021-02-05T22:17:09.123Z,hello,\n2021-02-05T22:17:10.123Z,you,\n"},
		`{format: csv, framing: message, csv: {fields: [message, nothing], separator: ";"}}`: {"message", false, "hello;"},

		`format: form`: {"message", false, "%40timestamp=2021-02-05T22%3A17%3A09.123Z&message=hello"},

		`format: msgpack`: {"concat", true, "9292d700601dc3e5075bcd158081" + "a76d657373616765a568656c6c6f" +
			"9292d700601dc3e6075bcd158081" + "a76d657373616765a3796f75"},
		`{format: msgpack, framing: message, msgpack.version: 1}`: {"message", true, "92d700601dc3e5075bcd1581" + "a76d657373616765a568656c6c6f"},
		`codec.msgpack.version: 2`:                                {"message", true, "9292d700601dc3e5075bcd158081" + "a76d657373616765a568656c6c6f"},
		`{format: json_stream, codec.msgpack: {version: 1}}`: {"concat", true, "92d700601dc3e5075bcd1581" + "a76d657373616765a568656c6c6f" +
			"92d700601dc3e6075bcd1581" + "a76d657373616765a3796f75"},
		`{format: json_lines, codec.ltsv.escape: true}`: {"lines", false, "time:2021-02-05T22:17:09.123456Z\tmessage:hello\ntime:2021-02-05T22:17:10.123456Z\tmessage:you\n"},
		`{format: raw, codec.csv.fields: [message]}`:    {"message", false, "hello"},

		`format: forward`: {"forward", true, "93" + "a866696c6562656174" + "c432" +
			"92d700601dc3e5075bcd1581" + "a76d657373616765a568656c6c6f" +
			"92d700601dc3e6075bcd1581" + "a76d657373616765a3796f75" + "81a473697a6502"},
		`{format: forward, forward: {mode: forward, tag: app}}`: {"forward", true, "93" + "a3617070" + "92" +
			"92d700601dc3e5075bcd1581" + "a76d657373616765a568656c6c6f" +
			"92d700601dc3e6075bcd1581" + "a76d657373616765a3796f75" + "81a473697a6502"},
		`{format: forward, forward: {mode: message, tag: "app.%{[message]}"}}`: {"forward", true, "93" + "a96170702e68656c6c6f" +
			"d700601dc3e5075bcd1581" + "a76d657373616765a568656c6c6f"},
	} {
		t.Run(yaml, func(t *testing.T) {
			message, c, format := wireMessage(t, yaml)
			require.Equal(t, want.framing, c.framingName())
			require.Equal(t, want.binary, format.binary)
			got := string(message)
			if format.binary {
				got = hex.EncodeToString(message)
			}
			require.Equal(t, want.message, got)
		})
	}
}

func TestDocsNameEveryFormatWithItsFramingAndFrames(t *testing.T) {
	rows := map[string]string{}
	row := regexp.MustCompile("(?m)^\\| `(\\w+)`.*? \\| .* \\| `(\\w+)`.*? \\| (text|binary) \\|$")
	for _, match := range row.FindAllStringSubmatch(readDocument(t, root+"/docs/formats.md"), -1) {
		rows[match[1]] = match[2] + ", " + match[3]
	}
	for _, name := range codec.FormatNames() {
		chosen, err := codec.GetFormat(name)
		require.NoError(t, err)
		kind, err := codec.Get(chosen.Codec)
		require.NoError(t, err)
		for _, layout := range kind.Framings {
			_, err = framing.Get(layout)
			require.NoError(t, err, "codec %s fits a framing that does not exist", chosen.Codec)
		}
		frames := map[bool]string{false: "text", true: "binary"}[kind.Binary]
		require.Equal(t, chosen.Framing+", "+frames, rows[name], "row of format %s in the first table of docs/formats.md", name)
	}
	require.Len(t, rows, len(codec.FormatNames()))
}

// The section of a codec or a shared option would hide a setting of that name.
func TestNoOptionOfACodecHasTheNameOfASetting(t *testing.T) {
	for field := range reflect.TypeFor[config]().Fields() {
		key, _, _ := strings.Cut(field.Tag.Get("config"), ",")
		for name, ofCodec := range options.Defaults() {
			for _, option := range codec.Fields(ofCodec) {
				require.NotEqual(t, key, options.TopSetting(name, option), "option %s of codec %s", option.Key, name)
			}
		}
	}
}

// Nothing in the output depends on which codecs there are: what it needs to know of
// one is in its codec.Kind.
func TestNoCodecIsNamedByTheOutput(t *testing.T) {
	names := append(codec.Names(), codec.FormatNames()...)
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(node ast.Node) bool {
			literal, isLiteral := node.(*ast.BasicLit)
			if !isLiteral || literal.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			require.NoError(t, err)
			if text != forwardSection { // the settings of a framing and its handshake
				require.NotContains(t, names, text, "%v names a codec", set.Position(literal.Pos()))
			}
			return true
		})
	}
}

func TestFormatErrorsNameTheSetting(t *testing.T) {
	for yaml, want := range map[string][]string{
		`{format: msgpack, framing: lines}`:                   {"framing: framing lines does not go with format: msgpack, whose records need message or concat"},
		`{format: ltsv, framing: array}`:                      {"framing: framing array does not go with format: ltsv, whose records need message or lines"},
		`{format: csv, framing: concat, csv.fields: [a]}`:     {"framing: framing concat does not go with format: csv"},
		`{format: form, framing: lines}`:                      {"framing: framing lines does not go with format: form, whose records need message"},
		`{format: forward, framing: message}`:                 {"framing: framing message does not go with format: forward, whose records need forward"},
		`{format: json, framing: forward}`:                    {"framing: framing forward does not go with format: json"},
		`{format: json_lines, codec.msgpack.version: 1}`:      {"codec: framing lines does not go with codec.msgpack, whose records need message or concat"},
		`{format: json, framing: lines, codec.form: {}}`:      {"framing: framing lines does not go with codec.form"},
		`{format: json, framing: forward, codec.forward: {}}`: {"codec: entries of Fluent Forward are what format: forward sends"},
		`{format: gelf, codec.msgpack.version: 1}`:            {"codec: takes the place of the record of json and raw, and does not go with format: gelf"},
		`format: csv`: {"csv.fields: is required"},
		`{format: csv, csv: {fields: [a], separator: ""}}`:                     {"csv.separator: must be one character"},
		`{format: csv, csv: {header: true, separator: ab}}`:                    {"csv.fields: is required", "csv.header: only false is accepted", "csv.separator: must be one character"},
		`{format: csv, csv.field: a}`:                                          {"csv.field: unknown setting"},
		`{format: json, gelf.host: a}`:                                         {"gelf.host: unknown setting"},
		`{format: msgpack, msgpack.version: 3}`:                                {"msgpack.version: must be 1 or 2"},
		`{format: ltsv, ltsv: {delimiter: ":"}}`:                               {"ltsv.label_delimiter: must not be the delimiter"},
		`{format: ltsv, json_date_format: rfc1123}`:                            {`json_date_format: unknown format "rfc1123"`},
		`{json_date_key: d, json_date_format: rfc1123}`:                        {`json_date_format: unknown format "rfc1123", known are double, epoch`},
		`json_date_format: epoch`:                                              {"json_date_format: needs json_date_key"},
		`{format: forward, forward.mode: zip}`:                                 {`forward.mode: unknown mode "zip", known are message, forward, packed, compressed`},
		`{format: forward, forward.tag: "a.%{["}`:                              {"forward.tag: "},
		`{format: forward, forward.tag: ""}`:                                   {"forward.tag: is empty"},
		`{format: forward, forward.username: a}`:                               {"forward.username: is for the handshake, which needs forward.shared_key"},
		`{format: forward, forward: {shared_key: hunter2, password: hunter2}}`: {"forward.password: needs forward.username"},
		`{format: forward, forward: {shared_key: hunter2, keys: 1}}`:           {"forward.keys: unknown setting"},
		`{format: forward, ack: forward}`:                                      {"ack: forward is not a value; use ack: message with format: forward"},
		`{format: forward, ack: message, ack_field: a}`:                        {"ack_field: does not go with format: forward"},
	} {
		t.Run(yaml, func(t *testing.T) {
			cfg := configFrom(t, yaml)
			require.NoError(t, cfg.Merge(configFrom(t, `hosts: [h]`)))
			_, err := readConfig(cfg)
			for _, text := range want {
				require.ErrorContains(t, err, "output.websocket."+text)
			}
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}

func TestACodecsOwnSectionIsCheckedAtTheStart(t *testing.T) {
	for yaml, want := range map[string]string{
		`{format: raw, codec.csv.separator: ";"}`: "output.websocket.codec: codec csv: fields: is required",
		`{format: raw, codec.msgpack.version: 3}`: "output.websocket.codec: codec msgpack: version: must be 1 or 2",
		`{format: raw, codec.gelf.nothing: 3}`:    "output.websocket.codec: codec gelf: nothing: unknown setting",
		`codec.nothing: {}`:                       "output.websocket.codec: ",
	} {
		cfg := configFrom(t, yaml)
		require.NoError(t, cfg.Merge(configFrom(t, `hosts: [h]`)))
		_, err := makeWebsocket(nil, beat.Info{}, nil, cfg)
		require.ErrorContains(t, err, want, yaml)
	}
}

func TestOptionsOfAnotherFormatAreReadAndNamedAsUnused(t *testing.T) {
	for yaml, want := range map[string][]string{
		`format: json`: nil,
		`{format: json, gelf.host_key: host.name}`:                                     nil, // the default
		`{format: json, gelf.host_key: agent.name}`:                                    {"gelf"},
		`{format: raw, json_date_key: d, csv.fields: [a]}`:                             {"csv", "json_date_key"},
		`{format: ltsv, json_date_key: d, json_date_format: epoch, ltsv.escape: true}`: {"json_date_key"},
		`{format: json, json_date_key: d, codec.json.pretty: true}`:                    {"json_date_key"},
		`{format: gelf, forward: {shared_key: hunter2}}`:                               {"forward"},
		`{format: forward, ack: message, forward: {shared_key: hunter2}}`:              nil,
		`{format: gelf, csv: {header: true}, ltsv.delimiter: "", msgpack.version: 9}`:  {"csv", "ltsv", "msgpack"},
	} {
		t.Run(yaml, func(t *testing.T) {
			c, _ := formatOf(t, yaml)
			require.Equal(t, want, c.unusedOptions())
		})
	}
}
