// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tinylib/msgp/msgp"
)

// usual is a record of a log file as the output has it, in some formats.
var usual = func() (records struct{ json, packed, ltsv, form, csv string }) {
	line := strings.Repeat("a usual line of log ", 10)
	records.json = `{"@timestamp":"2024-01-01T00:00:00.000Z","@metadata":{"beat":"filebeat","type":"_doc","version":"9.0.0"},"log":{"offset":12345,"file":{"path":"/var/log/app/current.log"}},"message":"` +
		line + `","input":{"type":"filestream"},"host":{"name":"example"}}`
	b := []byte("\x84\xa3log\x82\xa6offset\xcd\x30\x39\xa4file\x81\xa4path")
	b = msgp.AppendString(b, "/var/log/app/current.log")
	b = msgp.AppendString(msgp.AppendString(b, "message"), line)
	b = append(b, "\xa5input\x81\xa4type\xaafilestream\xa4host\x81\xa4name\xa7example"...)
	records.packed = string(b)
	records.ltsv = "time:2024-01-01T00:00:00.000Z\thost.name:example\tinput.type:filestream\tlog.file.path:/var/log/app/current.log\tlog.offset:12345\tmessage:" + line + "\n"
	records.form = "%40timestamp=2024-01-01T00%3A00%3A00.000Z&host.name=example&input.type=filestream&log.file.path=%2Fvar%2Flog%2Fapp%2Fcurrent.log&log.offset=12345&message=" +
		strings.ReplaceAll(line, " ", "+") + "\n"
	records.csv = "2024-01-01T00:00:00.000Z,example,filestream,/var/log/app/current.log,12345,\"" + line + "\"\n"
	return records
}()

// BenchmarkDecode decodes messages of a hundred usual records.
func BenchmarkDecode(b *testing.B) {
	const count = 100
	requests := func(mode, entries string) string {
		request := "\x93" + packedText("filebeat") + packedBytes(entries) + "\x82" + packedText("size") + "\x64" + packedText("chunk") + packedText("PfKBU1CChpDMZxT6CKFOug==")
		if mode == "compressed" {
			request = "\x93" + packedText("filebeat") + packedBytes(gzipMembers(b, entries)) + "\x81" + packedText("compressed") + packedText("gzip")
		}
		return request
	}
	entries := strings.Repeat(anEntry(usual.packed), count)
	for _, test := range []struct{ name, format, message string }{
		{"json_lines", "json_lines", strings.Repeat(usual.json+"\n", count)},
		{"json_stream", "json_stream", strings.Repeat(usual.json, count)},
		{"auto/json_stream", Auto, strings.Repeat(usual.json, count)},
		{"raw", "raw", strings.Repeat(usual.json, count)},
		{"msgpack", "msgpack", entries},
		{"auto/msgpack", Auto, entries},
		{"forward/packed", formatForward, requests("packed", entries)},
		{"forward/compressed", formatForward, requests("compressed", entries)},
		{"ltsv", "ltsv", strings.Repeat(usual.ltsv, count)},
		{"auto/ltsv", Auto, strings.Repeat(usual.ltsv, count)},
		{"form", "form", strings.Repeat(usual.form, count)},
		{"csv", "csv", strings.Repeat(usual.csv, count)},
	} {
		b.Run(test.name, func(b *testing.B) {
			o := Options{CSV: CSVOptions{Fields: []string{"@timestamp", "host.name", "input.type", "log.file.path", "log.offset", "message"}}}
			require.NoError(b, o.complete())
			m := message{data: []byte(test.message), binary: formats[test.format].frames == binaryFrames || test.name == "auto/msgpack", options: &o}
			decodeOne := formats[test.format].decode
			var list Records
			b.SetBytes(int64(len(m.data)))
			b.ReportAllocs()
			records := 0
			for b.Loop() {
				list.reset()
				if err := decodeOne(m, &list); err != nil {
					b.Fatal(err)
				}
				records += len(list.Finish())
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(records), "ns/record")
		})
	}
}

// TestDecodersDoNotAllocate: once warm, all there is belongs to the connection.
func TestDecodersDoNotAllocate(t *testing.T) {
	entries := strings.Repeat(anEntry(usual.packed), 10)
	for name, m := range map[string]string{
		"json_lines": strings.Repeat(usual.json+"\n", 10), "raw": usual.json, "msgpack": entries,
		"ltsv": strings.Repeat(usual.ltsv, 10), "form": usual.form, "csv": strings.Repeat(usual.csv, 10), formatForward: "\x92" + packedText("filebeat") + packedBytes(entries),
	} {
		for _, format := range []string{name, Auto} {
			o := Options{}
			require.NoError(t, o.complete())
			m := message{data: []byte(m), binary: formats[name].frames == binaryFrames, options: &o}
			var list Records
			allocs := testing.AllocsPerRun(100, func() {
				list.reset()
				if formats[format].decode(m, &list) != nil || len(list.Finish()) == 0 {
					panic("no records")
				}
			})
			require.LessOrEqual(t, allocs, 1.0, fmt.Sprint(name, " as ", format))
		}
	}
}
