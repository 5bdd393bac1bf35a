// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"filebeat-websocket/testing/beattest"
)

// load is a set of log files for filebeat to read.
type load struct {
	name      string
	lines     int
	files     int
	lineBytes int // without the newline
	line      func(seq int) string
}

// loads are the inputs of the measurements; their lines scale with -lines.
func loads(lines int) map[string]load {
	all := map[string]load{}
	for _, l := range []load{
		{name: "access", lines: lines, files: 1, lineBytes: beattest.LineBytes, line: beattest.Line},
		{name: "json", lines: lines, files: 1, lineBytes: 350, line: jsonLine},
		{name: "kib", lines: max(1, lines/4), files: 1, lineBytes: 1 << 10, line: longLine(1 << 10)},
		{name: "long", lines: max(1, lines/10), files: 1, lineBytes: 4 << 10, line: longLine(4 << 10)},
		{name: "files", lines: lines, files: 200, lineBytes: beattest.LineBytes, line: beattest.Line},
		{name: "many", lines: max(2000, lines/5*4), files: 2000, lineBytes: beattest.LineBytes, line: beattest.Line},
		{name: "idle", lines: 2000, files: 2000, lineBytes: beattest.LineBytes, line: beattest.Line},
		{name: "one", lines: 1, files: 1, lineBytes: beattest.LineBytes, line: beattest.Line},
	} {
		all[l.name] = l
	}
	return all
}

// jsonLine is a line of a service that logs JSON. Filebeat sends it as a string,
// so that every quote in it is escaped.
func jsonLine(seq int) string {
	line := fmt.Sprintf(`{"time":"2021-02-05T22:17:%02d.123Z","level":"info","logger":"http.access","trace_id":"%032x","method":"GET","path":"/articles/%d","status":200,"bytes":%d,"seq":%d,"text":"`,
		seq%60, seq, seq%1000, seq%5000, seq)
	return line + strings.Repeat("x", max(0, 350-len(line)-2)) + `"}`
}

func longLine(lineBytes int) func(seq int) string {
	return func(seq int) string {
		line := beattest.Line(seq) + " "
		missing := lineBytes - len(line)
		return line + strings.Repeat("0123456789abcdef", missing/16+1)[:missing]
	}
}

// write writes the files to a folder named after the load. Each line goes to the
// next file in turn.
func (l load) write(folder string) error {
	folder = filepath.Join(folder, l.name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for file := range l.files {
		if err := l.writeFile(filepath.Join(folder, fmt.Sprintf("%03d.log", file)), file); err != nil {
			return err
		}
	}
	return nil
}

func (l load) writeFile(path string, first int) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	buffered := bufio.NewWriterSize(file, 1<<20)
	for seq := first + 1; seq <= l.lines; seq += l.files {
		if _, err := buffered.WriteString(l.line(seq) + "\n"); err != nil {
			return err
		}
	}
	return buffered.Flush()
}
