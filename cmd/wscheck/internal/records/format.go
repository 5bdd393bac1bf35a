// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package records makes records of the formats in docs/formats.md, as Filebeat would.
package records

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tinylib/msgp/msgp"
)

// Format is how records of the check look. The marker stands in the line of the record, and
// the id where Filebeat has @metadata._id.
type Format struct {
	Name   string
	Binary bool
	Record func(marker, id, padding string) []byte
	// Join makes a message of many records; nil for one record a message.
	Join func(records [][]byte) []byte
	// Bad is a record that no receiver of the format can read; nil if there is none.
	Bad func(marker string) []byte
	// IDs reports whether a record has room for an id.
	IDs bool
}

// formats are those of docs/formats.md.
var formats = []Format{
	{Name: "json", Record: jsonRecord, Bad: halfJSON, IDs: true},
	{Name: "json_lines", Record: jsonRecord, Join: lines, Bad: halfJSON, IDs: true},
	{Name: "json_array", Record: jsonRecord, Join: array, Bad: halfJSON, IDs: true},
	{Name: "json_stream", Record: jsonRecord, Join: concat, Bad: halfJSON, IDs: true},
	{Name: "log", Record: logRecord, Bad: halfJSON},
	{Name: "raw", Record: rawRecord},
	{Name: "msgpack", Binary: true, Record: msgpackRecord, Join: concat, Bad: halfMessagePack, IDs: true},
	{Name: "gelf", Record: gelfRecord, Bad: halfJSON, IDs: true},
	{Name: "forward", Binary: true, Record: forwardEntry, Bad: halfMessagePack, IDs: true},
	{Name: "ltsv", Record: ltsvRecord, Join: lines, IDs: true},
	{Name: "csv", Record: csvRecord, Join: lines},
	{Name: "form", Record: formRecord, IDs: true},
}

// Formats returns their names.
func Formats() (names []string) {
	for _, f := range formats {
		names = append(names, f.Name)
	}
	return names
}

// Named returns the format of that name, which is one of Formats.
func Named(name string) Format {
	i := slices.IndexFunc(formats, func(f Format) bool { return f.Name == name })
	return formats[i]
}

// Message returns a message of one record.
func (f *Format) Message(record []byte) []byte {
	if f.Join == nil {
		return record
	}
	return f.Join([][]byte{record})
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
