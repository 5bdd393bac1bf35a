// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
)

// shipment is a connection on which a goroutine sends records with running
// numbers, one a message, until the connection ends or all are sent.
type shipment struct {
	ws    *websocket.Conn
	first int // number of the record in message 1
	sent  chan struct{}
}

func ship(t *testing.T, url string, first, last int) *shipment {
	t.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}}
	ws, res, err := dialer.DialContext(t.Context(), url, nil)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.NoError(t, ws.SetReadDeadline(time.Now().Add(2*time.Minute)))
	s := &shipment{ws: ws, first: first, sent: make(chan struct{})}
	go func() {
		defer close(s.sent)
		for n := first; n <= last; n++ {
			if ws.WriteMessage(websocket.TextMessage, recordOf(n)) != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = ws.Close()
		<-s.sent
	})
	return s
}

func recordOf(n int) []byte {
	return fmt.Appendf(nil, `{"n":%d,"pad":%q}`, n, strings.Repeat("x", 200))
}

// next reads a reply; err is the end of the connection.
func (s *shipment) next(t *testing.T) (protocol.Reply, error) {
	t.Helper()
	_, message, err := s.ws.ReadMessage()
	if err != nil {
		return protocol.Reply{}, err
	}
	reply, err := protocol.ParseReply(message)
	require.NoError(t, err, "%s", message)
	return reply, nil
}

// ackedThrough reads until record last is acked or the connection ends, and
// returns the newest record that is.
func (s *shipment) ackedThrough(t *testing.T, last int) (newest int, ended error) {
	t.Helper()
	for newest = s.first - 1; newest < last; {
		reply, err := s.next(t)
		if err != nil {
			return newest, err
		}
		require.Zero(t, reply.Nack)
		newest = max(newest, s.first-1+int(reply.Ack))
	}
	return newest, nil
}

// outputFiles are the file out, or those in the folder out, sorted.
func outputFiles(t *testing.T, out string) []string {
	t.Helper()
	if !isFolder(out) {
		return []string{out}
	}
	files, err := filepath.Glob(filepath.Join(out, "records-*.ndjson"))
	require.NoError(t, err)
	return files
}

// numbers returns how often each record is in the output. A line that is none
// fails the test, unless torn ones are to be expected.
func numbers(t *testing.T, out string, torn bool) map[int]int {
	t.Helper()
	found := map[int]int{}
	for _, file := range outputFiles(t, out) {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		for line := range bytes.Lines(content) {
			var record struct{ N int }
			if err := json.Unmarshal(line, &record); err != nil || line[len(line)-1] != '\n' {
				require.True(t, torn, "half a line: %q", line)
				continue
			}
			found[record.N]++
		}
	}
	return found
}

func requireAll(t *testing.T, found map[int]int, last int) {
	t.Helper()
	for n := 1; n <= last; n++ {
		require.Positive(t, found[n], "record %d was acked and is not in the file", n)
	}
}

// leaveHalfALine does what a kill in a write may, each time.
func leaveHalfALine(t *testing.T, name string) {
	t.Helper()
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	_, err = file.WriteString(`{"n":`)
	require.NoError(t, err)
	require.NoError(t, file.Close())
}

func TestWhatWasAckedIsInTheFile(t *testing.T) {
	binary := build(t)
	const last = 20_000
	t.Run("after SIGTERM in the middle", func(t *testing.T) {
		out := t.TempDir() + "/out.ndjson"
		command, log := launch(t, binary, "--out", out)
		s := ship(t, log.url(t), 1, 1_000_000)
		acked, err := s.ackedThrough(t, 1000)
		require.NoError(t, err)
		require.NoError(t, command.Process.Signal(syscall.SIGTERM))
		more, err := s.ackedThrough(t, 1_000_000)
		require.Equal(t, &websocket.CloseError{Code: 1001, Text: "shutting down"}, err)
		require.NoError(t, s.ws.Close())
		require.NoError(t, command.Wait(), "%s", log)
		acked = max(acked, more)
		found := numbers(t, out, false)
		requireAll(t, found, acked)
		require.Len(t, found, acked, "what was written was acked, too")
	})
	t.Run("after kill -9 in the middle, again and again, and nothing is lost in the end", func(t *testing.T) {
		out := t.TempDir() + "/out.ndjson"
		acked := 0
		// On a slow disk one ack can cover all there is, and leave nothing to kill.
		for round := 0; round < 4 && acked+1000 <= last; round++ {
			command, log := launch(t, binary, "--out", out)
			s := ship(t, log.url(t), acked+1, last)
			through, err := s.ackedThrough(t, acked+1000)
			require.NoError(t, err)
			require.NoError(t, command.Process.Kill())
			require.Error(t, command.Wait())
			// Acks that were on their way count.
			more, err := s.ackedThrough(t, last)
			require.True(t, err != nil || more == last)
			acked = max(through, more)
			require.NoError(t, s.ws.Close())
			requireAll(t, numbers(t, out, true), acked)
			leaveHalfALine(t, out)
		}
		command, log := launch(t, binary, "--out", out)
		s := ship(t, log.url(t), acked+1, last)
		acked, err := s.ackedThrough(t, last)
		require.NoError(t, err)
		require.Equal(t, last, acked)
		require.NoError(t, s.ws.Close())
		require.NoError(t, command.Process.Signal(syscall.SIGTERM))
		require.NoError(t, command.Wait(), "%s", log)
		requireAll(t, numbers(t, out, false), last)
	})
}
