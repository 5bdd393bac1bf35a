// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/receiver/internal/jsonscan"
)

// What the decoders of this file are held to: they never panic; every record is
// one object in one line of UTF-8 that encoding/json and the scanner take; what
// is written is bounded by the length of the message, or by the limit for what
// comes out of it; an error fits into a Close frame.

// fuzzBytes is Options.MaxMessageBytes in these tests, so that its limits are
// within reach.
const fuzzBytes = 1 << 14

// mostPerByte is how many bytes of JSON a byte of a message can become, but for
// what goes into each record of it: an extension of a byte becomes an object.
const mostPerByte = 12

func fuzzed(t *testing.T, o Options, name string, data []byte, binary bool) ([]string, *Records, error) {
	t.Helper()
	o.MaxMessageBytes = fuzzBytes
	require.NoError(t, o.complete())
	list := new(Records)
	err := formats[name].decode(message{data: slices.Clone(data), binary: binary, options: &o}, list)
	most := writtenFactor*o.MaxMessageBytes + writtenSlack + mostPerByte*max(int64(len(data)), fuzzBytes) + 2048
	require.LessOrEqual(t, int64(len(list.written)), most)
	require.LessOrEqual(t, cap(list.inflated), 2*fuzzBytes+512)
	for _, problem := range []error{err, list.problem} {
		if problem != nil {
			require.LessOrEqual(t, len(problem.Error()), maxErrorBytes)
		}
	}
	if err != nil {
		return nil, list, err
	}
	var records []string
	for _, r := range list.Finish() {
		require.True(t, json.Valid(r) && utf8.Valid(r), "%q", r)
		require.True(t, r[0] == '{' && !bytes.ContainsAny(r, "\r\n"), "%q", r)
		_, scanned := decodeText("json", string(r), false)
		require.NoError(t, scanned)
		records = append(records, string(r))
	}
	return records, list, nil
}

func addBinarySeeds(f *testing.F) {
	f.Helper()
	entry := anEntry("\x81\xa1a\x01")
	for _, seed := range []string{
		"", "\xc0", entry, entry + entry, "\x92\x92" + aTime + "\x81\xa3_id\xa1x\x80", "\x92\xce\x60\x1d\xc3\xe5\x80", "\x92\xcb\x41\xd8\x07\x70\xf9\x47\xe6\xd6\x80\x80",
		anEntry(nestedMaps(64)), anEntry(nestedMaps(65)), anEntry("\xdf\xff\xff\xff\xff"), anEntry("\x82\xaa@timestamp\xc0\xa3tag\xca\x7f\xc0\x00\x00"),
		anEntry("\x84\xa1a\xc4\x01\xff\xa1b\xd4\x07\x01\xa1c\xd6\xff\x60\x1d\xc3\xe5\xa1d\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
		chunked("Zm9v"), chunked("a") + "\xc0" + chunked(""), "\x92\xa1t\x91" + entry, "\x94\xa1t" + aTime + "\x80\x81\xa4size\x01",
		"\x93\xa1t" + packedBytes(gzipMembers(f, entry, entry)) + "\x81\xaacompressed\xa4gzip", "\x93\xa1t" + packedBytes(gzipMembers(f, strings.Repeat(entry, 5000))) + "\x81\xaacompressed\xa4gzip",
		"\x93quoted\x94",
	} {
		f.Add([]byte(seed))
	}
}

func FuzzMsgpack(f *testing.F) {
	addBinarySeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		records, _, err := fuzzed(t, Options{}, "msgpack", data, true)
		for _, r := range records {
			require.Contains(t, r, timeField)
		}
		if err == nil && len(data) > 0 {
			require.NotEmpty(t, records)
		}
	})
}

func FuzzForward(f *testing.F) {
	addBinarySeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		records, list, err := fuzzed(t, Options{}, formatForward, data, true)
		if err != nil {
			return
		}
		total := 0
		for _, count := range list.chunkRecords {
			total += count
		}
		require.Equal(t, len(records), total)
		require.Len(t, list.chunkRecords, len(list.chunks))
		for _, chunk := range list.chunks {
			require.LessOrEqual(t, len(chunk), 1024)
		}
	})
}

// FuzzAuto: any text is taken unless it is nested too deep, and comes through
// whole; so is what is binary and UTF-8. Other binary messages are MessagePack or
// refused.
func FuzzAuto(f *testing.F) {
	for _, seed := range []string{
		"", "a line", `{"a":1}{}`, "{\n}\n{\"b\":2}", "[{},\n{}]", "[{},1]", "{\n}{", "{\"a\":\"\xff\"}", nested(65),
		"time:1\ta:b\ta:c\n", "time:1\ta", "%40timestamp=1&a=%ff&a=+", "%40timestamp=%", anEntry("\x80"), chunked("x"), "\xc0", "\x93quoted\x94", "\x92\xd7",
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, binary bool) {
		if !binary && !utf8.Valid(data) {
			return // such a message does not get as far
		}
		records, list, err := fuzzed(t, Options{}, Auto, data, binary)
		isPacked := binary && binaryFormat(data, new(Records)) != ""
		switch {
		case isPacked && (err != nil || len(records) == 0):
			return
		case !isPacked && !utf8.Valid(data):
			require.ErrorIs(t, err, errNotText)
			return
		case err != nil:
			require.ErrorContains(t, err, "nested deeper")
			return
		}
		require.NotEqual(t, Auto, list.format)
		if list.problem != nil {
			return // some lines are nested too deep
		}
		require.NotEmpty(t, records)
		again, err := decodeText(Auto, strings.Join(records, "\n"), binary)
		require.NoError(t, err)
		require.Equal(t, records, again)
	})
}

// FuzzLTSV: what was decoded and is written as LTSV again, is decoded to the
// same; all delimiters.
func FuzzLTSV(f *testing.F) {
	for _, seed := range []string{"", "a:1\tb:2\n", "time:x\ta:\\t\\\\\\q\r\n\n", "a:1\ta:2", "a\tb:1", ":\t:", "a=1&b=%41+", "a:b\nc", "\\"} {
		for _, escape := range []bool{false, true} {
			f.Add(seed, escape, "", "")
			f.Add(seed, escape, "&", "=")
			f.Add(seed, escape, "||", "->")
		}
	}
	f.Fuzz(func(t *testing.T, text string, escape bool, delimiter, label string) {
		o := Options{LTSV: LTSVOptions{Escape: escape, Delimiter: delimiter, LabelDelimiter: label}}
		if !utf8.ValidString(text) || o.LTSV.complete() != nil {
			return
		}
		records, list, err := fuzzed(t, o, "ltsv", []byte(text), false)
		require.NoError(t, err, "only single lines are refused")
		lines := 0
		for line := range strings.Lines(text) {
			if strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r") != "" {
				lines++
			}
		}
		if !o.LTSV.isForm() {
			require.Equal(t, lines, len(records)+len(list.bad))
		}
	})
}

// FuzzForm: net/url reads the same from a form that it takes.
func FuzzForm(f *testing.F) {
	for _, seed := range []string{"", "a=1&b=2", "%40timestamp=x+y&a=%E2%82%AC&a=", "=&=1", "a=%ff%0a%00", "a%=%g1&b=%4", "a;b=1", "&&"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return
		}
		records, _, err := fuzzed(t, Options{}, "form", []byte(text), false)
		require.NoError(t, err)
		want, err := url.ParseQuery(text)
		if err != nil || strings.ContainsAny(text, "\r\n") {
			return
		}
		if len(want) == 0 {
			require.Empty(t, records)
			return
		}
		require.Len(t, records, 1)
		got := map[string]any{}
		require.NoError(t, json.Unmarshal([]byte(records[0]), &got))
		for name, values := range want {
			if !utf8.ValidString(name) {
				return // several such names can become one
			}
			for i, value := range values {
				values[i] = string([]rune(value))
			}
			if len(values) == 1 {
				require.Equal(t, values[0], got[name])
			} else {
				require.Len(t, got[name], len(values))
			}
		}
		require.Len(t, got, len(want))
	})
}

// FuzzCSV: encoding/csv reads the same from what it takes, but that it takes the
// CR out of each CR LF.
func FuzzCSV(f *testing.F) {
	for _, seed := range []string{"", "a,b\nc\n", "\"a,\"\"b\"\"\r\n\",\"\"\r\n\"\"\n", ",\n\n,a,", "\"a\"b", "\"", "a\"b", "a;b\n", "a\r\r\n", "ä€,\U0001F600"} {
		f.Add(seed, "")
		f.Add(seed, ";")
		f.Add(seed, "€")
	}
	f.Fuzz(func(t *testing.T, text, separator string) {
		o := Options{CSV: CSVOptions{Separator: separator}}
		if !utf8.ValidString(text) || o.CSV.complete() != nil {
			return
		}
		records, _, err := fuzzed(t, o, "csv", []byte(text), false)
		r := csv.NewReader(strings.NewReader(text))
		r.Comma, _ = utf8.DecodeRuneInString(o.CSV.Separator)
		r.FieldsPerRecord = -1
		want, standard := r.ReadAll()
		if standard != nil || strings.Contains(text, "\r") {
			return
		}
		require.NoError(t, err)
		require.Len(t, records, len(want))
		for i, record := range records {
			got := map[string]string{}
			require.NoError(t, json.Unmarshal([]byte(record), &got))
			require.Len(t, got, len(want[i]))
			for column, value := range want[i] {
				require.Equal(t, value, got[string(new(Records).columnName(&o.CSV, column))])
			}
		}
	})
}

// FuzzGELF: an object that json takes, with a NUL behind it or not.
func FuzzGELF(f *testing.F) {
	for _, seed := range []string{"", `{"version":"1.1","host":"h","short_message":"m"}`, "{}\x00", "[{}]", "{}{}", " {} \x00", "{\n}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		records, err := decodeText("gelf", text, false)
		want, standard := decodeText("json", strings.TrimSuffix(text, "\x00"), false)
		if err == nil {
			require.NoError(t, standard)
			require.Equal(t, want, records)
			require.Equal(t, byte('{'), records[0][0])
			return
		}
		require.True(t, standard != nil || want[0][0] != '{')
	})
}

// FuzzRefusedLines: of a message in lines exactly those that are not JSON are
// refused, by their number among those that are not empty.
func FuzzRefusedLines(f *testing.F) {
	for _, seed := range []string{"", "{}\nx\n{}\n", "x", "\n \n{\n", "1 2\n", nested(65) + "\n{}"} {
		f.Add([]byte(seed))
	}
	o := Options{}
	require.NoError(f, o.complete())
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, name := range []string{"json_lines", Auto} {
			var list Records
			list.reset()
			if err := formats[name].decode(message{data: slices.Clone(text), binary: true, options: &o}, &list); err != nil || name == Auto && len(list.bad) == 0 {
				continue // auto found lines only if it refused some
			}
			at := 0
			for line := range bytes.Lines(text) {
				line = bytes.Trim(line, " \t\r\n")
				if len(line) == 0 {
					continue
				}
				bad := slices.Contains(list.bad, at)
				deep := bytes.Count(line, []byte("{"))+bytes.Count(line, []byte("[")) > jsonscan.MaxDepth
				require.True(t, bad != json.Valid(line) || bad && deep, "%s: %q", name, line)
				at++
			}
			require.Equal(t, at, list.Total())
			require.Equal(t, len(list.bad) > 0, list.problem != nil)
			require.True(t, slices.IsSorted(list.bad))
		}
	})
}
