// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package post

import (
	"bytes"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"filebeat-websocket/receiver/decode"
)

// formats has the name of package decode's format for each type of content.
var formats = map[string]string{
	"application/json":                  formatJSON,
	"application/x-ndjson":              "json_lines",
	"application/ndjson":                "json_lines",
	"application/jsonl":                 "json_lines",
	"application/x-msgpack":             formatMsgpack,
	"application/msgpack":               formatMsgpack, // Fluent Bit
	"text/csv":                          "csv",
	"text/plain":                        "raw_lines",
	"text/tab-separated-values":         "raw_lines", // Fluentd, for LTSV too
	"application/x-www-form-urlencoded": "form",
}

const (
	// formatJSON stands for json_array or json_stream; the first byte of the body decides.
	formatJSON    = "json"
	formatMsgpack = "msgpack"
)

// byteOrderMark begins texts that programs for Windows write. It is not part of them.
const byteOrderMark = "\uFEFF"

// accepted lists the types for clients that send another one.
const accepted = "application/json, application/x-ndjson, application/x-msgpack, text/csv, text/plain, application/x-www-form-urlencoded"

// formatOf returns the format of a request's body.
func formatOf(r *http.Request) (string, *answer) {
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	format := formats[kind]
	if err != nil || format == "" {
		return "", &answer{
			status: http.StatusUnsupportedMediaType, reason: "the Content-Type has to be one of " + accepted,
			header: "Accept-Post", value: accepted,
		}
	}
	charset := strings.ToLower(parameters["charset"])
	if charset != "" && !slices.Contains([]string{"utf-8", "utf8", "us-ascii"}, charset) {
		return "", &answer{status: http.StatusUnsupportedMediaType, reason: "the charset has to be utf-8"}
	}
	return format, nil
}

// newDecoders returns one for each format.
func newDecoders(o *Options) (map[string]*decode.Decoder, error) {
	decoders := map[string]*decode.Decoder{}
	for _, name := range []string{"json_array", "json_stream", "json_lines", formatMsgpack, "csv", "raw_lines", "form"} {
		d, err := decode.New(name, decode.Options{
			MaxMessageBytes: o.MaxBodyBytes, CSV: o.CSV,
			Form: decode.FormOptions{OneRecord: true}, Msgpack: decode.MsgpackOptions{BareRecords: true},
		})
		if err != nil {
			return nil, fmt.Errorf("post: %w", err)
		}
		decoders[name] = d
	}
	return decoders, nil
}

// decoderOf returns the Decoder for a body, and whether it takes the body as binary.
func (h *Handler) decoderOf(format string, body []byte) (d *decode.Decoder, binary bool, problem error) {
	switch format {
	case formatMsgpack, "raw_lines": // a line may be in any charset
		return h.decoders[format], true, nil
	case formatJSON:
		format = "json_stream"
		if begin := bytes.TrimLeft(body, " \t\r\n"); len(begin) > 0 && begin[0] == '[' {
			format = "json_array"
		}
	}
	if at := notUTF8(body); at >= 0 {
		return nil, false, fmt.Errorf("not UTF-8 at byte %d", at)
	}
	return h.decoders[format], false, nil
}

// notUTF8 returns the offset at which text stops being valid UTF-8, or -1.
func notUTF8(text []byte) int {
	if utf8.Valid(text) {
		return -1
	}
	at := 0
	for {
		r, size := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && size <= 1 {
			return at
		}
		at += size
	}
}
