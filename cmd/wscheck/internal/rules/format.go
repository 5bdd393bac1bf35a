// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tinylib/msgp/msgp"
)

// format is how records of the check look. The marker stands in the line of the record, and
// the id where Filebeat has @metadata._id.
type format struct {
	name   string
	binary bool
	record func(marker, id, padding string) []byte
	// join makes a message of many records; nil for one record a message.
	join func(records [][]byte) []byte
	// bad is a record that no receiver of the format can read; nil if there is none.
	bad func(marker string) []byte
	// ids reports whether a record has room for an id.
	ids bool
}

// formats are those of docs/formats.md.
var formats = []format{
	{name: "json", record: jsonRecord, bad: halfJSON, ids: true},
	{name: "json_lines", record: jsonRecord, join: lines, bad: halfJSON, ids: true},
	{name: "json_array", record: jsonRecord, join: array, bad: halfJSON, ids: true},
	{name: "json_stream", record: jsonRecord, join: concat, bad: halfJSON, ids: true},
	{name: "log", record: logRecord, bad: halfJSON},
	{name: "raw", record: rawRecord},
	{name: "msgpack", binary: true, record: msgpackRecord, join: concat, bad: halfMessagePack, ids: true},
	{name: "gelf", record: gelfRecord, bad: halfJSON, ids: true},
	{name: "forward", binary: true, record: forwardEntry, bad: halfMessagePack, ids: true},
	{name: "ltsv", record: ltsvRecord, join: lines, ids: true},
	{name: "csv", record: csvRecord, join: lines},
	{name: "form", record: formRecord, ids: true},
}

// Formats returns their names.
func Formats() (names []string) {
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

// formatNamed returns the format of Formats.
func formatNamed(name string) format {
	i := slices.IndexFunc(formats, func(f format) bool { return f.name == name })
	return formats[i]
}

// message returns a message of one record.
func (f *format) message(record []byte) []byte {
	if f.join == nil {
		return record
	}
	return f.join([][]byte{record})
}

// agentID is the agent.id of all records.
const agentID = "5d3a0f2e-8c1b-4b7e-9c55-77736368656b"

func now() string { return time.Now().UTC().Format("2006-01-02T15:04:05.000Z") }

func line(marker, padding string) string { return "a line of " + marker + padding }

func jsonRecord(marker, id, padding string) []byte {
	metadata := `{"beat":"filebeat","type":"_doc","version":"9.0.0"}`
	if id != "" {
		metadata = fmt.Sprintf(`{"beat":"filebeat","type":"_doc","version":"9.0.0","_id":%q}`, id)
	}
	return fmt.Appendf(nil, `{"@timestamp":%q,"@metadata":%s,"message":%q,"agent":{"id":%q,"type":"filebeat"}}`, now(), metadata, line(marker, padding), agentID)
}

func logRecord(marker, _, padding string) []byte {
	return fmt.Appendf(nil, `{"timestamp":%q,"message":%q}`, now(), line(marker, padding))
}

func rawRecord(marker, _, padding string) []byte { return []byte(line(marker, padding)) }

func gelfRecord(marker, id, padding string) []byte {
	fields := map[string]any{"version": "1.1", "host": "wscheck", "short_message": line(marker, padding), "timestamp": float64(time.Now().UnixMilli()) / 1000}
	if id != "" {
		fields["__metadata__id"] = id
	}
	record, err := json.Marshal(fields)
	if err != nil {
		panic(err) // strings and numbers always have a JSON form
	}
	return record
}

func ltsvRecord(marker, id, padding string) []byte {
	record := "time:" + now() + "\tmessage:" + line(marker, padding)
	if id != "" {
		record += "\t_metadata._id:" + id
	}
	return []byte(record)
}

func csvRecord(marker, _, padding string) []byte {
	return []byte(now() + "," + line(marker, padding))
}

func formRecord(marker, id, padding string) []byte {
	record := "%40timestamp=" + strings.ReplaceAll(now(), ":", "%3A")
	if id != "" {
		record += "&%40metadata._id=" + id
	}
	return []byte(record + "&message=" + strings.ReplaceAll(line(marker, padding), " ", "+"))
}

// appendTime appends an EventTime (docs/formats.md).
func appendTime(dst []byte) []byte {
	at := time.Now()
	dst = append(dst, 0xd7, 0x00)
	for _, n := range []uint32{uint32(at.Unix()), uint32(at.Nanosecond())} {
		dst = append(dst, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return dst
}

func msgpackRecord(marker, id, padding string) []byte {
	record := msgp.AppendArrayHeader(nil, 2)
	record = appendTime(msgp.AppendArrayHeader(record, 2))
	record = appendID(record, id)
	return appendFields(record, 0, marker, padding)
}

func appendID(dst []byte, id string) []byte {
	if id == "" {
		return msgp.AppendMapHeader(dst, 0)
	}
	return msgp.AppendString(msgp.AppendString(msgp.AppendMapHeader(dst, 1), "_id"), id)
}

// appendFields appends a map of the fields, in which there is room for more.
func appendFields(dst []byte, more uint32, marker, padding string) []byte {
	dst = msgp.AppendString(msgp.AppendMapHeader(dst, 2+more), "message")
	dst = msgp.AppendString(msgp.AppendString(dst, line(marker, padding)), "agent")
	return msgp.AppendString(msgp.AppendString(msgp.AppendMapHeader(dst, 1), "id"), agentID)
}

// forwardEntry is an entry of Fluent Forward.
func forwardEntry(marker, id, padding string) []byte {
	entry := appendTime(msgp.AppendArrayHeader(nil, 2))
	if id == "" {
		return appendFields(entry, 0, marker, padding)
	}
	entry = appendFields(entry, 1, marker, padding)
	return appendID(msgp.AppendString(entry, "@metadata"), id)
}

// halfJSON ends in the middle.
func halfJSON(marker string) []byte { return []byte(`{"message":"` + line(marker, "")) }

// halfMessagePack claims a map that is not there.
func halfMessagePack(marker string) []byte {
	return append(msgp.AppendString(msgp.AppendArrayHeader(nil, 3), marker), 0xdf, 0xff, 0xff, 0xff, 0xff)
}

func lines(records [][]byte) []byte {
	return append(bytes.Join(records, []byte("\n")), '\n')
}

func concat(records [][]byte) []byte { return bytes.Join(records, nil) }

func array(records [][]byte) []byte {
	return append(append([]byte{'['}, bytes.Join(records, []byte(","))...), ']')
}
