// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/decode"
	"filebeat-websocket/receiver/handshake"
	"filebeat-websocket/testing/beattest"
)

// landing is the reference receiver in this process. It counts the numbers of
// the lines in the records.
type landing struct {
	url     string
	handler *receiver.Handler
	server  *http.Server

	mutex   sync.Mutex
	numbers map[int]int
	records int
	chunks  int
	sample  string
}

// startLanding starts one at that address.
func startLanding(t *testing.T, addr string, options receiver.Options) *landing {
	t.Helper()
	return startLandingThat(t, addr, options, func() error { return nil })
}

// startLandingThat has taken say of each message whether it is.
func startLandingThat(t *testing.T, addr string, options receiver.Options, taken func() error) *landing {
	t.Helper()
	l := &landing{numbers: map[int]int{}}
	var err error
	l.handler, err = receiver.New(receiver.SinkFunc(func(_ context.Context, m *receiver.Message) error {
		if err := taken(); err != nil {
			return err
		}
		l.count(m)
		return nil
	}), options)
	require.NoError(t, err)
	var listening net.ListenConfig
	listener, err := listening.Listen(t.Context(), "tcp", addr)
	require.NoError(t, err)
	l.server = &http.Server{Handler: l.handler, ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- l.server.Serve(listener) }()
	t.Cleanup(func() {
		l.stop()
		require.ErrorIs(t, <-served, http.ErrServerClosed)
	})
	l.url = "ws://" + listener.Addr().String() + "/"
	return l
}

// stop ends all connections and the server.
func (l *landing) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_ = l.handler.Shutdown(ctx)
	_ = l.server.Close()
}

var lineNumber = regexp.MustCompile(`seq=(\d+) `)

func (l *landing) count(m *receiver.Message) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for _, chunk := range m.Chunks {
		if chunk != "" {
			l.chunks++
		}
	}
	for _, record := range m.Records {
		l.records++
		l.sample = string(record)
		if match := lineNumber.FindSubmatch(record); match != nil {
			number, _ := strconv.Atoi(string(match[1])) // at most a few digits
			l.numbers[number]++
		}
	}
}

// missing returns how many of the lines up to last have not arrived.
func (l *landing) missing(last int) (lines int) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for number := 1; number <= last; number++ {
		if l.numbers[number] == 0 {
			lines++
		}
	}
	return lines
}

func (l *landing) state() (records, chunks int, sample string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.records, l.chunks, l.sample
}

// shipTo ships lines with that output section until all are confirmed.
func shipTo(t *testing.T, l *landing, settings string, lines int) *beattest.Filebeat {
	t.Helper()
	setup := beattest.Setup{Dir: t.TempDir(), Output: output(l.url, settings)}
	beattest.AppendLines(t, setup.LogFile("a.log"), 1, lines)
	filebeat := beattest.StartFilebeat(t, setup)
	filebeat.AwaitEvents(patience, lines, 0)
	require.Zero(t, filebeat.Stat("libbeat.output.events.failed"))
	require.Zero(t, filebeat.Stat("libbeat.output.events.dropped"))
	require.Zero(t, filebeat.Stop())
	require.Zero(t, l.missing(lines))
	return filebeat
}

func TestEveryFormatArrives(t *testing.T) {
	const lines = 3_000
	forward := handshake.Options{SharedKey: "s3cret", Users: map[string]string{"alice": "pa55word"}}
	withKey := "  forward.shared_key: s3cret\n  forward.username: alice\n  forward.password: pa55word\n"
	for name, test := range map[string]struct {
		settings string
		options  receiver.Options
		chunks   bool
	}{
		"json":             {"  format: json\n", receiver.Options{}, false},
		"json_lines":       {"  format: json_lines\n", receiver.Options{}, false},
		"json_array":       {"  format: json_array\n", receiver.Options{}, false},
		"json_stream":      {"  format: json_stream\n", receiver.Options{}, false},
		"json with a date": {"  format: json_lines\n  json_date_key: date\n  json_date_format: iso8601\n", receiver.Options{}, false},
		"log":              {"  format: log\n  framing: lines\n", receiver.Options{}, false},
		"raw":              {"  format: raw\n", receiver.Options{Format: "raw"}, false},
		"msgpack":          {"  format: msgpack\n", receiver.Options{}, false},
		"msgpack 1":        {"  format: msgpack\n  msgpack.version: 1\n", receiver.Options{}, false},
		"codec.msgpack":    {"  format: json_stream\n  codec.msgpack.version: 2\n", receiver.Options{}, false},
		"gelf":             {"  format: gelf\n", receiver.Options{}, false},
		"ltsv":             {"  format: ltsv\n", receiver.Options{Format: "ltsv"}, false},
		"csv":              {"  format: csv\n  csv.fields: [\"@timestamp\", log.offset, message]\n", receiver.Options{Format: "csv", CSV: decode.CSVOptions{Fields: []string{"time", "offset", "message"}}}, false},
		"form":             {"  format: form\n", receiver.Options{Format: "form"}, false},

		"forward: message":    {"  format: forward\n  forward.mode: message\n", receiver.Options{}, false},
		"forward: forward":    {"  format: forward\n  forward.mode: forward\n", receiver.Options{}, false},
		"forward: packed":     {"  format: forward\n", receiver.Options{}, false},
		"forward: compressed": {"  format: forward\n  forward.mode: compressed\n", receiver.Options{}, false},

		"forward: message, ack message":    {"  format: forward\n  ack: message\n  forward.mode: message\n", receiver.Options{}, true},
		"forward: forward, ack message":    {"  format: forward\n  ack: message\n  forward.mode: forward\n", receiver.Options{}, true},
		"forward: packed, ack message":     {"  format: forward\n  ack: message\n  max_message_bytes: 16KiB\n", receiver.Options{}, true},
		"forward: compressed, ack message": {"  format: forward\n  ack: message\n  forward.mode: compressed\n", receiver.Options{}, true},
		"forward: handshake":               {"  format: forward\n" + withKey, receiver.Options{Forward: forward}, false},
		"forward: handshake, ack message":  {"  format: forward\n  ack: message\n" + withKey, receiver.Options{Forward: forward}, true},
		"forward: tags of a field": {"  format: forward\n  ack: message\n  forward.tag: \"app.%{[log.offset]}\"\n  batch_size: 100\n",
			receiver.Options{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := startLanding(t, "127.0.0.1:0", test.options)
			shipTo(t, l, test.settings, lines)
			records, chunks, sample := l.state()
			require.Equal(t, lines, records, "no line comes twice")
			require.Equal(t, test.chunks, chunks > 0)
			require.Contains(t, sample, "GET /articles/", "the line is in the record")
		})
	}
}

func TestAWrongSharedKeyIsReportedAndTheRightOneDelivers(t *testing.T) {
	const lines = 2_000
	rotated := receiver.Options{Forward: handshake.Options{SharedKey: "an0ther"}}
	wrong := startLanding(t, "127.0.0.1:0", rotated)
	setup := beattest.Setup{Dir: t.TempDir(), Output: output(wrong.url, "  format: forward\n  ack: message\n  forward.shared_key: s3cret\n")}
	beattest.AppendLines(t, setup.LogFile("a.log"), 1, lines)
	filebeat := beattest.StartFilebeat(t, setup)
	beattest.Eventually(t, patience, "connects fail again and again", func() bool {
		return filebeat.Stat("libbeat.output.websocket.connections.failed") >= 3
	})
	require.Zero(t, filebeat.Stat("libbeat.output.websocket.connections.opened"))
	require.Contains(t, filebeat.Output(), "handshake of Fluent Forward: the server refused the login")
	require.NotContains(t, filebeat.Output(), "s3cret")
	records, _, _ := wrong.state()
	require.Zero(t, records, "nothing is sent to a server that does not know the key")

	addr := strings.TrimSuffix(strings.TrimPrefix(wrong.url, "ws://"), "/")
	wrong.stop()
	right := startLanding(t, addr, receiver.Options{Forward: handshake.Options{SharedKey: "s3cret"}})
	filebeat.AwaitEvents(patience, lines, 0)
	require.Zero(t, filebeat.Stop())
	require.Zero(t, right.missing(lines))
}

// If a connection ends before requests are confirmed, none of them is lost.
func TestForwardLosesNothingWhenConfirmationsAreLost(t *testing.T) {
	const lines = 20_000
	var mutex sync.Mutex
	messages := 0
	l := startLandingThat(t, "127.0.0.1:0", receiver.Options{}, func() error {
		mutex.Lock()
		defer mutex.Unlock()
		if messages++; messages%40 == 0 {
			return fmt.Errorf("message %d is refused", messages) // ends the connection
		}
		return nil
	})
	setup := beattest.Setup{Dir: t.TempDir(), Output: output(l.url, "  format: forward\n  ack: message\n  max_message_bytes: 16KiB\n  backoff.init: 10ms\n  backoff.max: 50ms\n")}
	setup.Output = strings.Replace(setup.Output, "  backoff.init: 200ms\n  backoff.max: 1s\n", "", 1)
	beattest.AppendLines(t, setup.LogFile("a.log"), 1, lines)
	filebeat := beattest.StartFilebeat(t, setup)
	filebeat.AwaitEvents(patience, lines, 0)
	require.Positive(t, filebeat.Stat("libbeat.output.websocket.connections.reconnects"))
	require.Zero(t, filebeat.Stop())
	require.Zero(t, l.missing(lines))
}

// An event that a format cannot express is dropped, logged and counted, and the
// others are delivered.
func TestAnEventThatAFormatCannotExpressIsDroppedAndTheRestDelivered(t *testing.T) {
	const lines, each = 2_000, 50
	for _, format := range []string{"raw", "log"} {
		t.Run(format, func(t *testing.T) {
			l := startLanding(t, "127.0.0.1:0", receiver.Options{Format: "raw"})
			setup := beattest.Setup{
				Dir:    t.TempDir(),
				Output: output(l.url, "  format: "+format+"\n"),
				Input: `    processors:
      - drop_fields:
          when.contains.message: "no-message"
          fields: [message]
`,
			}
			var text strings.Builder
			for seq := 1; seq <= lines; seq++ {
				text.WriteString(beattest.Line(seq))
				if seq%each == 0 {
					text.WriteString(" no-message")
				}
				text.WriteByte('\n')
			}
			require.NoError(t, os.MkdirAll(setup.Dir+"/logs", 0o755))
			require.NoError(t, os.WriteFile(setup.LogFile("a.log"), []byte(text.String()), 0o600))
			filebeat := beattest.StartFilebeat(t, setup)
			filebeat.AwaitEvents(patience, lines-lines/each, lines/each)
			require.Equal(t, lines/each, filebeat.Stat("libbeat.output.websocket.dropped.no_message"))
			require.Zero(t, filebeat.Stop())
			require.Equal(t, lines/each, l.missing(lines))
			require.Contains(t, filebeat.Output(), "reason no_message")
		})
	}
}
