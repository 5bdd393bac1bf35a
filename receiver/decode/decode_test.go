// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// maxErrorBytes is what a Close frame has room for beside its code (RFC 6455 5.5).
const maxErrorBytes = 123

// decodeText runs a format as a connection does, on a copy of text, with options
// that are all defaults.
func decodeText(name, text string, binary bool) ([]string, error) {
	return decodeWith(Options{}, name, text, binary)
}

func decodeWith(o Options, name, text string, binary bool) ([]string, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	var list Records
	err := formats[name].decode(message{data: []byte(text), binary: binary, options: &o}, &list)
	if err == nil {
		err = list.problem
	}
	if err != nil {
		return nil, err
	}
	var records []string
	for _, r := range list.Finish() {
		records = append(records, string(r))
	}
	return records, nil
}

func nested(depth int) string {
	return strings.Repeat(`{"a":`, depth-1) + "{}" + strings.Repeat("}", depth-1)
}

func TestFormatsDecodeTheirMessages(t *testing.T) {
	for name, test := range map[string]struct {
		format, text string
		records      []string
	}{
		"json: an object":                                  {"json", `{"a":1}`, []string{`{"a":1}`}},
		"json: white space around it is left out":          {"json", " \r\n{\"a\": 1}\t\n", []string{`{"a": 1}`}},
		"json: line breaks inside are taken out":           {"json", "{\n \"a b\": [1,\r\n2], \"q\\\"\": \" \\\\\" }", []string{`{"a b":[1,2],"q\"":" \\"}`}},
		"json: every kind of value":                        {"json", `[null,true,false,0,-0.5e+10,1E2,"\u00e4\"\\\/\b\f\n\r\tä",{},[],{"":""}]`, []string{`[null,true,false,0,-0.5e+10,1E2,"\u00e4\"\\\/\b\f\n\r\tä",{},[],{"":""}]`}},
		"json: 64 levels":                                  {"json", nested(64), []string{nested(64)}},
		"log: like json":                                   {"log", `{"timestamp":"x","message":"y"}`, []string{`{"timestamp":"x","message":"y"}`}},
		"json_lines: a record a line":                      {"json_lines", "{\"a\":1}\n{\"a\":2}\n", []string{`{"a":1}`, `{"a":2}`}},
		"json_lines: the last line break may be missing":   {"json_lines", "1\n\"x\"", []string{"1", `"x"`}},
		"json_lines: CR LF and empty lines":                {"json_lines", "{}\r\n\r\n \n[]\r\n", []string{"{}", "[]"}},
		"json_lines: nothing at all":                       {"json_lines", "", nil},
		"json_array: objects":                              {"json_array", `[{"a":1},{"a":[2]}]`, []string{`{"a":1}`, `{"a":[2]}`}},
		"json_array: elements over several lines":          {"json_array", "\n[\n{\n},\n 1 , {\"a\":\n1}\n]\n", []string{"{}", "1", `{"a":1}`}},
		"json_array: empty":                                {"json_array", " [ ] ", nil},
		"json_array: 64 levels in each element":            {"json_array", "[" + nested(64) + "]", []string{nested(64)}},
		"json_stream: nothing between":                     {"json_stream", `{"a":1}{"a":2}[3]"four"`, []string{`{"a":1}`, `{"a":2}`, "[3]", `"four"`}},
		"json_stream: white space between":                 {"json_stream", "1 2\n{}\n\n{\n}", []string{"1", "2", "{}", "{}"}},
		"json_stream: nothing at all":                      {"json_stream", "", nil},
		"raw: text":                                        {"raw", "a <b> & \"c\" \\ \t\r\n\x00\x1f\x7f ä€😀", []string{"{\"message\":\"a <b> & \\\"c\\\" \\\\ \\t\\r\\n\\u0000\\u001f\x7f ä€😀\"}"}},
		"raw: an empty line":                               {"raw", "", []string{`{"message":""}`}},
		"raw: what is not UTF-8 becomes U+FFFD, each byte": {"raw", "a\xff\xfeb\xe2\x82c\uFFFD", []string{"{\"message\":\"a\uFFFD\uFFFDb\uFFFD\uFFFDc\uFFFD\"}"}},
		"raw_lines: a record a line":                       {"raw_lines", "a\n\r\n\"b\"\r\n\nc\xff", []string{`{"message":"a"}`, `{"message":"\"b\""}`, "{\"message\":\"c\uFFFD\"}"}},
		"raw: JSON is text too":                            {"raw", `{"a":1}`, []string{`{"message":"{\"a\":1}"}`}},
		"auto: one object":                                 {"auto", ` {"a":1}`, []string{`{"a":1}`}},
		"auto: objects one after the other":                {"auto", `{"a":1}{"a":2}`, []string{`{"a":1}`, `{"a":2}`}},
		"auto: objects in lines":                           {"auto", "{\"a\":1}\n{\"a\":2}\n", []string{`{"a":1}`, `{"a":2}`}},
		"auto: an array of objects":                        {"auto", "[{\"a\":1},\n{}]", []string{`{"a":1}`, "{}"}},
		"auto: an array of other things is text":           {"auto", "[{},1]", []string{`{"message":"[{},1]"}`}},
		"auto: an empty array is text":                     {"auto", "[]", []string{`{"message":"[]"}`}},
		"auto: a log line that begins with a bracket":      {"auto", "[2024-01-01] x", []string{`{"message":"[2024-01-01] x"}`}},
		"auto: half an object after a whole one is text":   {"auto", "{\n}{\"a\":", []string{`{"message":"{\n}{\"a\":"}`}},
		"auto: objects and a number are text":              {"auto", "{} 5", []string{`{"message":"{} 5"}`}},
		"auto: a number is text":                           {"auto", "5", []string{`{"message":"5"}`}},
		"auto: an empty message is an empty line":          {"auto", "", []string{`{"message":""}`}},
		"gelf: an object":                                  {"gelf", `{"version":"1.1","host":"h","short_message":"m","_a":1}`, []string{`{"version":"1.1","host":"h","short_message":"m","_a":1}`}},
		"gelf: with the NUL that ends it over TCP":         {"gelf", "{\"version\":\"1.1\"}\n\x00", []string{`{"version":"1.1"}`}},
		"ltsv: a record a line":                            {"ltsv", "time:x\ta:1\nb:2\n", []string{`{"time":"x","a":"1"}`, `{"b":"2"}`}},
		"ltsv: colons in a value, and none in it":          {"ltsv", "a:b:c\td:\t:e", []string{`{"a":"b:c","d":"","":"e"}`}},
		"ltsv: empty lines, CR LF, TAB at the end":         {"ltsv", "a:1\t\r\n\r\n\nb:2", []string{`{"a":"1"}`, `{"b":"2"}`}},
		"ltsv: a label twice has a list":                   {"ltsv", "a:1\tb:2\ta:3", []string{`{"a":["1","3"],"b":"2"}`}},
		"ltsv: escapes are off by default":                 {"ltsv", `a:\t"`, []string{`{"a":"\\t\""}`}},
		"form: every kind of character":                    {"form", "%40timestamp=x&a.b=c+d%2Be%26%3D%0a%E2%82%AC*-._", []string{`{"@timestamp":"x","a.b":"c d+e&=\n€*-._"}`}},
		"form: a name twice has a list":                    {"form", "a=1&b=&a=2&c&&a=1", []string{`{"a":["1","2","1"],"b":"","c":""}`}},
		"form: a percent sign of its own":                  {"form", "a=100%&b=%g0%2", []string{`{"a":"100%","b":"%g0%2"}`}},
		"form: bytes that are not UTF-8 become U+FFFD":     {"form", "a=%ff%C3", []string{"{\"a\":\"\uFFFD\uFFFD\"}"}},
		"form: a record a line":                            {"form", "a=1\nb=2\r\n\n", []string{`{"a":"1"}`, `{"b":"2"}`}},
		"form: nothing at all":                             {"form", "&", nil},
		"csv: columns without names":                       {"csv", "a,b\nc\n", []string{`{"c1":"a","c2":"b"}`, `{"c1":"c"}`}},
		"csv: quotes":                                      {"csv", "\"a,\"\"b\"\"\r\n\",\"\"\r\n\"\"\n", []string{`{"c1":"a,\"b\"\r\n","c2":""}`, `{"c1":""}`}},
		"csv: empty values and empty lines":                {"csv", ",\n\n,a,", []string{`{"c1":"","c2":""}`, `{"c1":"","c2":"a","c3":""}`}},
		"csv: a quote inside of a value, a CR too":         {"csv", "a\"b,\rc\r", []string{`{"c1":"a\"b","c2":"\rc\r"}`}},
		"auto: GELF is JSON":                               {"auto", `{"version":"1.1","host":"h"}`, []string{`{"version":"1.1","host":"h"}`}},
		"auto: LTSV with the time first":                   {"auto", "time:2021-02-05T22:17:09.123Z\ta:1\ntime:\tb:2\n", []string{`{"time":"2021-02-05T22:17:09.123Z","a":"1"}`, `{"time":"","b":"2"}`}},
		"auto: LTSV without it is text":                    {"auto", "a:1\tb:2", []string{`{"message":"a:1\tb:2"}`}},
		"auto: a line with a time and nothing is text":     {"auto", "time:12", []string{`{"message":"time:12"}`}},
		"auto: a TAB without a label behind it is text":    {"auto", "time:12\tx", []string{`{"message":"time:12\tx"}`}},
		"auto: a label has no space":                       {"auto", "time:12\tx y:z", []string{`{"message":"time:12\tx y:z"}`}},
		"auto: one line of LTSV and one of text":           {"auto", "time:12\tx:y\nz", []string{`{"message":"time:12\tx:y\nz"}`}},
		"auto: a form with the time first":                 {"auto", "%40timestamp=x&a=b+c", []string{`{"@timestamp":"x","a":"b c"}`}},
		"auto: a form without it is text":                  {"auto", "a=b&c=d", []string{`{"message":"a=b&c=d"}`}},
		"auto: a form with a space is text":                {"auto", "%40timestamp=x y", []string{`{"message":"%40timestamp=x y"}`}},
		"auto: a form with half an escape is text":         {"auto", "%40timestamp=%4", []string{`{"message":"%40timestamp=%4"}`}},
		"auto: CSV is text":                                {"auto", "a,b", []string{`{"message":"a,b"}`}},
	} {
		t.Run(name, func(t *testing.T) {
			records, err := decodeText(test.format, test.text, false)
			require.NoError(t, err)
			require.Equal(t, test.records, records)
			for _, r := range records {
				require.True(t, json.Valid([]byte(r)), "%q", r)
			}
		})
	}
	t.Run("auto: a binary message can be JSON", func(t *testing.T) {
		records, err := decodeText("auto", `{"a":1}`, true)
		require.NoError(t, err)
		require.Equal(t, []string{`{"a":1}`}, records)
	})
	t.Run("auto: a binary message can be text", func(t *testing.T) {
		records, err := decodeText("auto", "caf\u00e9", true)
		require.NoError(t, err)
		require.Equal(t, []string{"{\"message\":\"caf\u00e9\"}"}, records)
	})
	t.Run("auto: a binary message that is not UTF-8 is refused", func(t *testing.T) {
		_, err := decodeText("auto", "{\"a\":\"\xff\"}", true)
		require.ErrorIs(t, err, errNotText)
	})
}

func TestFormatsSayWhatIsWrong(t *testing.T) {
	const tooDeep = "JSON nested deeper than 64 at byte 320"
	for name, test := range map[string]struct{ format, text, reason string }{
		"json: nothing":                        {"json", "", "JSON ends too early, after 0 bytes"},
		"json: two values":                     {"json", "{}{}", "invalid JSON at byte 2"},
		"json: half an object":                 {"json", `{"a":1`, "JSON ends too early, after 6 bytes"},
		"json: a name without quotes":          {"json", `{a:1}`, "invalid JSON at byte 1"},
		"json: no colon":                       {"json", `{"a" 1}`, "invalid JSON at byte 5"},
		"json: a comma at the end of an array": {"json", `[1,]`, "invalid JSON at byte 3"},
		"json: a comma at the end":             {"json", `{"a":1,}`, "invalid JSON at byte 7"},
		"json: a line break in a string":       {"json", "\"a\nb\"", "invalid JSON at byte 2"},
		"json: a NUL":                          {"json", "\x00", "invalid JSON at byte 0"},
		"json: a NUL in an object":             {"json", "{\x00}", "invalid JSON at byte 1"},
		"json: an unknown escape":              {"json", `"\x"`, "invalid JSON at byte 2"},
		"json: a short escape":                 {"json", `"\u12g4"`, "invalid JSON at byte 5"},
		"json: an escape without end":          {"json", `"\`, "JSON ends too early, after 2 bytes"},
		"json: a leading zero":                 {"json", "01", "invalid JSON at byte 1"},
		"json: no digits after the point":      {"json", "1.", "JSON ends too early, after 2 bytes"},
		"json: no exponent":                    {"json", "1e+", "JSON ends too early, after 3 bytes"},
		"json: a word cut short":               {"json", "tru", "JSON ends too early, after 3 bytes"},
		"json: a word too long":                {"json", "nulll", "invalid JSON at byte 4"},
		"json: 65 levels":                      {"json", nested(65), tooDeep},
		"json: a million brackets":             {"json", strings.Repeat("[", 1e6), "JSON nested deeper than 64 at byte 64"},
		"json_lines: the line is named":        {"json_lines", "{}\n\n{]\n", "line 3: invalid JSON at byte 1"},
		"json_lines: two values in a line":     {"json_lines", "{} {}", "line 1: invalid JSON at byte 3"},
		"json_lines: a value over two lines":   {"json_lines", "{\n}", "line 1: JSON ends too early, after 1 bytes"},
		"json_array: not an array":             {"json_array", "{}", "invalid JSON at byte 0"},
		"json_array: no end":                   {"json_array", "[{}", "JSON ends too early, after 3 bytes"},
		"json_array: a comma at the end":       {"json_array", "[{},]", "invalid JSON at byte 4"},
		"json_array: no comma":                 {"json_array", "[{}{}]", "invalid JSON at byte 3"},
		"json_array: more after it":            {"json_array", "[] []", "invalid JSON at byte 3"},
		"json_stream: a comma between":         {"json_stream", "{},{}", "invalid JSON at byte 2"},
		"json_stream: numbers run together":    {"json_stream", "1-2", "invalid JSON at byte 1"},
		"json_stream: a comma after a number":  {"json_stream", "1,2", "invalid JSON at byte 1"},
		"json_stream: words run together":      {"json_stream", "true{}", "invalid JSON at byte 4"},
		"gelf: a list":                         {"gelf", "[{}]", "invalid JSON at byte 0"},
		"gelf: two objects":                    {"gelf", "{}{}", "invalid JSON at byte 2"},
		"ltsv: the line is named":              {"ltsv", "a:1\n\nb:1\tc\n", "line 3: no label at byte 4"},
		"ltsv: too many fields":                {"ltsv", strings.Repeat("a:\t", 65537), "line 1: record with more than 65536 fields"},
		"form: too many fields":                {"form", strings.Repeat("a&", 65537), "record with more than 65536 fields"},
		"csv: too many columns":                {"csv", strings.Repeat(",", 65536), "record with more than 65536 fields"},
		"csv: an unterminated quote":           {"csv", "a,\"b\"\"", "unterminated quote at byte 2"},
		"csv: text behind a quote":             {"csv", "\"a\"b", "text after a closing quote at byte 3"},
		"auto: 65 levels":                      {"auto", nested(65), tooDeep},
		"auto: 65 levels in an array":          {"auto", "[" + nested(65) + "]", "JSON nested deeper than 64 at byte 321"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := decodeText(test.format, test.text, false)
			require.EqualError(t, err, test.reason)
			require.LessOrEqual(t, len(err.Error()), maxErrorBytes)
		})
	}
}

func TestTheScannerAgreesWithEncodingJSON(t *testing.T) {
	for _, text := range []string{
		`{}`, `{"a":{"b":[1,2,{"c":null}]}}`, `"\ud800"`, `-`, `-0`, `00`, `1e5`, `1e`, `.5`, `"`, `"\u"`, `[`, `]`, `{"a"}`,
		`{"a":}`, `{,}`, `[,]`, `nul`, `nullx`, "\t\n\r 1 \t\n\r", "\f1", "\u00a01", `"` + "\x7f" + `"`, `{"a":1,"a":2}`, `1 2`,
	} {
		_, err := decodeText("json", text, false)
		require.Equal(t, json.Valid([]byte(text)), err == nil, "%q: %v", text, err)
	}
}

// join puts records into a message of a format, as a client does.
func join(format string, records []string) string {
	switch format {
	case "json_lines":
		return strings.Join(records, "\n") + "\n"
	case "json_array":
		return "[" + strings.Join(records, ",") + "]"
	case "json_stream":
		return strings.Join(records, " ")
	default:
		return strings.Join(records, "")
	}
}

// fuzzFormat holds a JSON format to: never panic; every record is valid JSON
// without a line break; never more bytes than came in; records joined again
// decode to the same records; a message it takes, encoding/json takes.
func fuzzFormat(f *testing.F, format string) {
	f.Helper()
	for _, seed := range []string{
		"", " ", `{"a":1}`, "{\"a\":1}\n{\"b\":[2]}\n", `[{"a":1},{"b":2}]`, `{"a":1}{"b":2}`, "{\n\"a\" : \"\\\" \\\\\" }", `1 2`, "truefalse",
		"[1,\n2]\n[3]", nested(64), nested(65), strings.Repeat("[", 70), `"\ud800\u12"`, "\xef\xbb\xbf{}", "{\"a\":\"\xff\"}", "[]", "-0.0e-0",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		records, err := decodeText(format, text, false)
		if err != nil {
			require.LessOrEqual(t, len(err.Error()), maxErrorBytes)
			return
		}
		total := 0
		for _, r := range records {
			require.True(t, json.Valid([]byte(r)), "%q", r)
			require.NotContains(t, r, "\n")
			total += len(r)
		}
		require.LessOrEqual(t, total, len(text))
		again, err := decodeText(format, join(format, records), false)
		require.NoError(t, err)
		require.Equal(t, records, again)
	})
}

func FuzzJSON(f *testing.F)       { fuzzFormat(f, "json") }
func FuzzJSONLines(f *testing.F)  { fuzzFormat(f, "json_lines") }
func FuzzJSONArray(f *testing.F)  { fuzzFormat(f, "json_array") }
func FuzzJSONStream(f *testing.F) { fuzzFormat(f, "json_stream") }

// FuzzJSONAgainstStandard: json takes what encoding/json takes, up to the depth.
func FuzzJSONAgainstStandard(f *testing.F) {
	for _, seed := range []string{`{"a":1}`, "01", `"\u12"`, "[1,]", `{"a":[-1.5e3,true,null,"x"]}`, nested(65)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, err := decodeText("json", text, false)
		if err != nil && strings.Contains(err.Error(), "nested deeper") {
			return
		}
		require.Equal(t, json.Valid([]byte(text)), err == nil, "%q: %v", text, err)
	})
}

// FuzzRaw: any bytes become one record, at most six times as long, whose
// message is the text with each wrong byte as U+FFFD.
func FuzzRaw(f *testing.F) {
	for _, seed := range []string{"", "a line", "\x00\x1f\"\\\n", "\xff\xc3", "ä€😀\uFFFD", "\u2028"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		records, err := decodeText("raw", text, true)
		require.NoError(t, err)
		require.Len(t, records, 1)
		require.LessOrEqual(t, len(records[0]), 6*len(text)+len(`{"message":""}`))
		require.NotContains(t, records[0], "\n")
		var decoded struct{ Message string }
		require.NoError(t, json.Unmarshal([]byte(records[0]), &decoded))
		require.Equal(t, string([]rune(text)), decoded.Message)
	})
}
