// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

// logLines is the standard error of a run: it can be waited for.
type logLines struct {
	mutex   sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func newLogLines() *logLines { return &logLines{changed: make(chan struct{}, 1)} }

func (l *logLines) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	select {
	case l.changed <- struct{}{}:
	default:
	}
	return l.text.Write(p)
}

func (l *logLines) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.String()
}

// find waits until pattern matches and returns its groups.
func (l *logLines) find(t *testing.T, pattern string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		if found := regexp.MustCompile(pattern).FindStringSubmatch(l.String()); found != nil {
			return found
		}
		select {
		case <-l.changed:
		case <-ctx.Done():
			require.FailNow(t, "not logged", "%s in:\n%s", pattern, l)
		}
	}
}

func (l *logLines) url(t *testing.T) string {
	t.Helper()
	return l.find(t, `listening url=(ws://\S+)`)[1]
}

// program is a run of run.
type program struct {
	log    *logLines
	stdout bytes.Buffer // to be read after stop
	stop   func() (code int)
}

func begin(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	p := &program{log: newLogLines()}
	code := make(chan int, 1)
	go func() { code <- run(ctx, append([]string{"--listen", "127.0.0.1:0"}, args...), &p.stdout, p.log) }()
	p.stop = sync.OnceValue(func() int {
		cancel()
		return <-code
	})
	t.Cleanup(func() { p.stop() })
	return p
}

// deliver sends messages, waits for the Pong after them and returns the
// connection.
func deliver(t *testing.T, url string, messages ...string) *websocket.Conn {
	t.Helper()
	ws, res, err := websocket.DefaultDialer.DialContext(t.Context(), url, nil)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	t.Cleanup(func() { _ = ws.Close() })
	for _, m := range messages {
		require.NoError(t, ws.WriteMessage(websocket.TextMessage, []byte(m)))
	}
	deadline := time.Now().Add(10 * time.Second)
	require.NoError(t, ws.WriteControl(websocket.PingMessage, []byte("12345678"), deadline))
	ponged := false
	ws.SetPongHandler(func(payload string) error {
		ponged = payload == "12345678"
		return ws.SetReadDeadline(time.Unix(1, 0)) // ends ReadMessage
	})
	require.NoError(t, ws.SetReadDeadline(deadline))
	_, _, err = ws.ReadMessage()
	require.Error(t, err)
	require.True(t, ponged, "%v", err)
	return ws
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res.StatusCode, string(b)
}

func TestRecordsGoToStandardOutputAndLogLinesToStandardError(t *testing.T) {
	p := begin(t)
	url := p.log.url(t)
	require.Regexp(t, `^ws://127\.0\.0\.1:[1-9][0-9]*/ingest$`, url)
	ws := deliver(t, url, `{"a":1}{"a":2}`, "text")
	require.NoError(t, ws.Close())
	p.log.find(t, `level=INFO msg="connection opened" id=1 remote=127\.0\.0\.1:\d+`)
	p.log.find(t, `level=INFO msg="connection ended" id=1 remote=127\.0\.0\.1:\d+ code=1006 cause=".+" messages=2 records=3 duplicates=0 bytes=18`)
	require.Equal(t, exitOK, p.stop())
	require.Equal(t, "{\"a\":1}\n{\"a\":2}\n{\"message\":\"text\"}\n", p.stdout.String())
	require.NotContains(t, p.log.String(), "level=WARN")
	require.NotContains(t, p.log.String(), "text", "no content in the log")
}

func TestQuietLeavesOutConnectionsButNotTheURLOrAFailingOutput(t *testing.T) {
	p := begin(t, "--quiet", "--out", "/dev/full")
	ws, res, err := websocket.DefaultDialer.DialContext(t.Context(), p.log.url(t), nil)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.NoError(t, ws.WriteMessage(websocket.TextMessage, []byte("{}")))
	_, _, err = ws.ReadMessage()
	require.Equal(t, &websocket.CloseError{Code: 1013, Text: "disk full"}, err)
	require.NoError(t, ws.Close())
	p.log.find(t, `level=ERROR msg="records refused for now" .*reason="disk full" cause=".*no space left on device`)
	other, res, err := websocket.DefaultDialer.DialContext(t.Context(), p.log.url(t), nil)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.NoError(t, other.Close())
	require.Equal(t, exitOK, p.stop())
	require.NotContains(t, p.log.String(), "opened")
	require.NotContains(t, p.log.String(), "ended")
}

func TestFlagsReachTheReceiver(t *testing.T) {
	file := filepath.Join(t.TempDir(), "out.ndjson")
	p := begin(t, "--path", "/a/b/", "--format", "raw", "--max-message-bytes", "1KiB", "--max-connections", "1", "--out", file)
	url := p.log.url(t)
	require.True(t, strings.HasSuffix(url, "/a/b/"))
	ws := deliver(t, url, "{}")
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "{\"message\":\"{}\"}\n", string(content))
	_, res, err := websocket.DefaultDialer.DialContext(t.Context(), url, nil)
	require.ErrorIs(t, err, websocket.ErrBadHandshake)
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	require.NoError(t, ws.WriteMessage(websocket.TextMessage, make([]byte, 1025)))
	_, _, err = ws.ReadMessage()
	require.Error(t, err)
	require.NoError(t, ws.Close())
	p.log.find(t, `code=1009 cause="message is longer than 1024 bytes"`)
	httpURL := "http" + strings.TrimSuffix(strings.TrimPrefix(url, "ws"), "/a/b/")
	status, body := get(t, httpURL+"/")
	require.Equal(t, http.StatusNotFound, status)
	require.Contains(t, body, "/a/b/")
	require.Empty(t, p.stdout.String())
}

func TestTheHealthCheckTellsOfTheShutdown(t *testing.T) {
	p := begin(t)
	url := p.log.url(t)
	healthURL := strings.Replace(strings.TrimSuffix(url, "/ingest"), "ws", "http", 1) + "/healthz"
	status, body := get(t, healthURL)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "ok", body)

	// A client that does not disconnect after Close 1001 holds the shutdown open.
	ws := deliver(t, url, "{}")
	stopped := make(chan int, 1)
	go func() { stopped <- p.stop() }()
	p.log.find(t, "shutting down")
	require.Eventually(t, func() bool {
		status, _ := get(t, healthURL)
		return status == http.StatusServiceUnavailable
	}, 3*time.Second, time.Millisecond)
	require.NoError(t, ws.Close())
	require.Equal(t, exitOK, <-stopped)
}

func TestAnAddressThatOthersReachIsWarnedOf(t *testing.T) {
	p := begin(t, "--listen", "0.0.0.0:0", "--insecure")
	p.log.url(t)
	require.Equal(t, exitOK, p.stop())
	require.Regexp(t, `level=WARN msg="[^"]*not a loopback address`, p.log.String())
}

// buildFolder is where build puts the program; TestMain removes it.
var buildFolder string

var buildOnce = sync.OnceValues(func() (binary string, err error) {
	if buildFolder, err = os.MkdirTemp("", "wsreceiver-test-"); err != nil {
		return "", err
	}
	binary = filepath.Join(buildFolder, "wsreceiver")
	command := exec.CommandContext(context.Background(), "go", "build", "-ldflags", "-X main.version=9.9.9 -X main.commit=abc -X main.buildTime=then", "-o", binary, ".")
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, output)
	}
	return binary, nil
})

// build returns the path of the program.
func build(t *testing.T) string {
	t.Helper()
	binary, err := buildOnce()
	require.NoError(t, err)
	return binary
}

// launch starts the program, which the test ends and waits for.
func launch(t *testing.T, binary string, args ...string) (*exec.Cmd, *logLines) {
	t.Helper()
	log := newLogLines()
	command := exec.CommandContext(t.Context(), binary, append([]string{"--listen", "127.0.0.1:0"}, args...)...)
	command.Stderr = log
	require.NoError(t, command.Start())
	return command, log
}

func TestTheRealProgramEndsWith0OnSIGTERM(t *testing.T) {
	binary, out := build(t), filepath.Join(t.TempDir(), "out.ndjson")
	output, err := exec.CommandContext(t.Context(), binary, "--version").Output()
	require.NoError(t, err)
	require.Equal(t, "wsreceiver 9.9.9 (commit abc, built then)\n", string(output))

	command, log := launch(t, binary, "--out", out)
	url := log.url(t)
	require.NoError(t, deliver(t, url, `{"a":1}`, `{"a":2}`).Close())
	content, err := os.ReadFile(out)
	require.NoError(t, err)
	require.Equal(t, "{\"a\":1}\n{\"a\":2}\n", string(content), "a Pong means that the records are in the file")

	ws, res, err := websocket.DefaultDialer.DialContext(t.Context(), url, nil)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.NoError(t, command.Process.Signal(syscall.SIGTERM))
	require.NoError(t, ws.SetReadDeadline(time.Now().Add(10*time.Second)))
	_, _, err = ws.ReadMessage()
	require.Equal(t, &websocket.CloseError{Code: 1001, Text: "shutting down"}, err)
	require.NoError(t, ws.Close())
	require.NoError(t, command.Wait(), "%s", log)
	require.Contains(t, log.String(), "code=1001")
}
