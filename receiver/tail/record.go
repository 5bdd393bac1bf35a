// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"bytes"
	"encoding/json"
	"path"
	"strings"
	"sync"
	"time"

	"filebeat-websocket/receiver"
)

const (
	// A row has what fits on a line, and the beginning of the record.
	maxMessageShown = 2 << 10
	maxNameShown    = 256
	maxRecordShown  = 16 << 10
)

// shownRecord is what the page shows of one record. hubLoop makes it; once a viewer
// has it, only encode changes it.
type shownRecord struct {
	row
	raw     []byte // the JSON, maybe cut; its own copy once it is kept
	message string // all of it
	timed   bool   // Time is the record's own
	level   level
	missed  uint64 // records that came directly before this one, and that nobody looked at

	encoding sync.Once
	encoded  []byte // the row as JSON, on demand
}

// row is a record as the page gets it.
type row struct {
	Number  uint64 `json:"n"` // from 1, in the order in which they were parsed
	Time    int64  `json:"t"` // Unix milliseconds
	Level   string `json:"l"`
	Host    string `json:"h"`
	File    string `json:"f"`
	Message string `json:"m"`
	Raw     string `json:"r"`
	Cut     bool   `json:"c,omitempty"` // Raw is not all of the record
	Addr    string `json:"a"`           // of the agent
}

// fields are the names under which records have what a row shows: those of the
// Elastic Common Schema, nested or with dots, and those of GELF, LTSV and common
// loggers. They are RawMessage since anything can stand under any name.
type fields struct {
	AtTimestamp json.RawMessage `json:"@timestamp"`
	Timestamp   json.RawMessage `json:"timestamp"`
	Time        json.RawMessage `json:"time"`
	Date        json.RawMessage `json:"date"`

	Message      json.RawMessage `json:"message"`
	ShortMessage json.RawMessage `json:"short_message"`
	Msg          json.RawMessage `json:"msg"`
	Log          json.RawMessage `json:"log"`

	LogLevel  json.RawMessage `json:"log.level"`
	Level     json.RawMessage `json:"level"`
	Severity  json.RawMessage `json:"severity"`
	LevelName json.RawMessage `json:"levelname"`

	Host         json.RawMessage `json:"host"`
	HostName     json.RawMessage `json:"host.name"`
	HostUnder    json.RawMessage `json:"_host_name"`
	Hostname     json.RawMessage `json:"hostname"`
	LogFilePath  json.RawMessage `json:"log.file.path"`
	LogFileUnder json.RawMessage `json:"_log_file_path"`
	File         json.RawMessage `json:"file"`
	Source       json.RawMessage `json:"source"`
}

// parse reads a record. What can't be read is shown as it is.
func parse(raw []byte, cut bool, peer receiver.Peer, at time.Time) *shownRecord {
	r := &shownRecord{raw: raw, row: row{Time: at.UnixMilli(), Addr: peer.RemoteAddr, Cut: cut}}
	var f fields
	if cut || len(raw) == 0 || raw[0] != '{' || json.Unmarshal(raw, &f) != nil {
		f = fields{} // of a record that was cut
		r.message = string(raw)
	}
	var log struct {
		Level json.RawMessage `json:"level"`
		File  struct {
			Path json.RawMessage `json:"path"`
		} `json:"file"`
	}
	var host struct {
		Name     json.RawMessage `json:"name"`
		Hostname json.RawMessage `json:"hostname"`
	}
	object(f.Log, &log)
	object(f.Host, &host)

	if r.message == "" {
		r.message = firstText(f.Message, f.ShortMessage, f.Msg, f.Log)
	}
	if r.message == "" {
		r.message = string(raw)
	}
	if t, ok := firstTime(f.AtTimestamp, f.Timestamp, f.Time, f.Date); ok {
		r.Time, r.timed = t, true
	}
	r.level = levelOf(r.message, f.LogLevel, log.Level, f.Level, f.Severity, f.LevelName)
	r.Level = r.level.String()
	r.Host = cutText(firstText(f.HostName, host.Name, host.Hostname, f.Host, f.HostUnder, f.Hostname), maxNameShown)
	if r.Host == "" {
		r.Host = ipOf(peer.RemoteAddr)
	}
	r.File = firstText(log.File.Path, f.LogFilePath, f.LogFileUnder, f.File, f.Source)
	if len(r.File) > maxNameShown {
		r.File = "…/" + cutText(path.Base(r.File), maxNameShown)
	}
	return r
}

func object(raw json.RawMessage, into any) {
	if len(raw) > 0 && raw[0] == '{' {
		_ = json.Unmarshal(raw, into) // a field of another type stays empty
	}
}

// firstText returns the first of values that is a string and not empty.
func firstText(values ...json.RawMessage) string {
	for _, value := range values {
		if text := textOf(value); text != "" {
			return text
		}
	}
	return ""
}

func textOf(value json.RawMessage) (text string) {
	if len(value) == 0 || value[0] != '"' {
		return ""
	}
	if inner := value[1 : len(value)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return string(inner)
	}
	_ = json.Unmarshal(value, &text) // it was valid as part of the record
	return text
}

// layouts are those of json_date_format, and of access logs as LTSV has them.
var layouts = []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999", "02/Jan/2006:15:04:05 -0700", "[02/Jan/2006:15:04:05 -0700]"}

// millisFrom is the number from which on a time is in milliseconds, not
// seconds: the year 5138 or 1973.
const millisFrom = 1e11

func firstTime(values ...json.RawMessage) (unixMillis int64, ok bool) {
	for _, value := range values {
		if text := textOf(value); text != "" {
			for _, layout := range layouts {
				if t, err := time.Parse(layout, text); err == nil {
					return t.UnixMilli(), true
				}
			}
			value = json.RawMessage(text) // a form has its numbers in quotes
		}
		var number float64
		if json.Unmarshal(value, &number) != nil || number <= 0 || number > millisFrom*1e4 {
			continue
		}
		if number < millisFrom {
			number *= 1000
		}
		return int64(number), true
	}
	return 0, false
}

// encode returns the row as JSON. It is made once, however many viewers get it.
func (r *shownRecord) encode() []byte {
	r.encoding.Do(func() {
		r.Message = cutText(r.message, maxMessageShown)
		shown := r.raw[:min(len(r.raw), maxRecordShown)]
		r.Cut = r.Cut || len(shown) < len(r.raw)
		r.Raw = strings.ToValidUTF8(string(shown), "")
		r.encoded, _ = json.Marshal(&r.row) // strings and numbers only
	})
	return r.encoded
}

// keep makes the record independent of the excerpt that it came in.
func (r *shownRecord) keep() { r.raw = bytes.Clone(r.raw) }

// cutText cuts between runes.
func cutText(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…"
}
