// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// curl runs curl and returns the status of the answer, and its headers and text.
func curl(t *testing.T, args ...string) (status, answer string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "curl", append([]string{"-sS", "-i", "--max-time", "30", "-w", "\n%{http_code}"}, args...)...)
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)
	answer, status = string(output), ""
	if at := strings.LastIndexByte(answer, '\n'); at >= 0 {
		answer, status = answer[:at], answer[at+1:]
	}
	return status, answer
}

// write writes a file and returns its name.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// httpURL is the URL to POST to.
func (l *logLines) httpURL(t *testing.T) string {
	t.Helper()
	return "http" + strings.TrimPrefix(l.url(t), "ws")
}

func TestCurlPostsEveryFormat(t *testing.T) {
	lines := "{\"n\":1}\n{\"n\":2}\n"
	gzipped := write(t, "lines", lines)
	require.NoError(t, exec.CommandContext(t.Context(), "gzip", gzipped).Run())
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"an object":       {[]string{"--json", `{"n":1}`}, "{\"n\":1}\n"},
		"an array":        {[]string{"-H", "Content-Type: application/json", "-d", `[{"n":1},{"n":2}]`}, lines},
		"lines":           {[]string{"-H", "Content-Type: application/x-ndjson", "--data-binary", lines}, lines},
		"lines, chunked":  {[]string{"-H", "Content-Type: application/x-ndjson", "-H", "Transfer-Encoding: chunked", "--data-binary", lines}, lines},
		"lines, expected": {[]string{"-H", "Content-Type: application/x-ndjson", "-H", "Expect: 100-continue", "--data-binary", lines}, lines},
		"lines, gzip":     {[]string{"-H", "Content-Type: application/x-ndjson", "-H", "Content-Encoding: gzip", "--data-binary", "@" + gzipped + ".gz"}, lines},
		"MessagePack":     {[]string{"-H", "Content-Type: application/x-msgpack", "--data-binary", "@" + write(t, "msgpack", "\x81\xa1n\x01\x81\xa1n\x02")}, lines},
		"CSV":             {[]string{"-H", "Content-Type: text/csv", "--data-binary", "1,\"a,b\"\n"}, "{\"c1\":\"1\",\"c2\":\"a,b\"}\n"},
		"text":            {[]string{"-H", "Content-Type: text/plain", "--data-binary", "one\ntwo\n"}, "{\"message\":\"one\"}\n{\"message\":\"two\"}\n"},
		"a form":          {[]string{"-d", "a=1+2", "--data-urlencode", "b=ä&+\n"}, "{\"a\":\"1 2\",\"b\":\"ä&+\\n\"}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			p := begin(t)
			status, answer := curl(t, append(test.args, p.log.httpURL(t))...)
			require.Equal(t, "204", status, answer)
			require.Equal(t, exitOK, p.stop())
			require.Equal(t, test.want, p.stdout.String())
			require.NotContains(t, p.log.String(), "connection opened", "a line for each request would be too much")
		})
	}
}

func TestTheCurlCommandsOfTheDocument(t *testing.T) {
	content, err := os.ReadFile(document)
	require.NoError(t, err)
	p := begin(t)
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "lines.ndjson"), []byte("{\"n\":1}\n{\"n\":2}\n"), 0o600))
	const address = "http://127.0.0.1:8080/ingest"
	for line := range strings.Lines(string(content)) {
		if !strings.HasPrefix(line, "curl ") || !strings.Contains(line, address) {
			continue
		}
		command := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(line, "curl ", "curl -sS --fail ", 1))
		command.Args[2] = strings.Replace(command.Args[2], address, p.log.httpURL(t), 1)
		command.Dir = folder
		output, err := command.CombinedOutput()
		require.NoError(t, err, "%s: %s", line, output)
	}
	require.Equal(t, exitOK, p.stop())
	require.Equal(t, "{\"message\":\"hello\"}\n{\"n\":1}\n{\"n\":2}\n", p.stdout.String())
}

func TestAPostThatIsRefusedSaysWhy(t *testing.T) {
	tokens := write(t, "tokens", "secret\n")
	p := begin(t, "--max-post-bytes", "1KiB", "--token-file", tokens, "--metrics")
	url, token := p.log.httpURL(t), "Authorization: Bearer secret"
	long := write(t, "long", strings.Repeat("a", 2000))
	for _, test := range []struct {
		status, text string
		args         []string
	}{
		{"401", "unauthorized", []string{"--json", "{}"}},
		{"413", "the body is longer than 1024 bytes", []string{"-H", token, "-H", "Content-Type: text/plain", "--data-binary", "@" + long}},
		{"415", "Content-Type has to be one of", []string{"-H", token, "-H", "Content-Type: text/xml", "-d", "<a/>"}},
		{"400", "record 2: ", []string{"-H", token, "--json", "{}{"}},
		{"403", "same origin", []string{"-H", token, "-H", "Origin: http://example.com", "--json", "{}"}},
		{"426", "WebSocket", []string{"-H", token}},
	} {
		status, answer := curl(t, append(test.args, url)...)
		require.Equal(t, test.status, status, answer)
		require.Contains(t, answer, test.text)
	}
	p.log.find(t, `records refused for good.*reason="the body is longer than 1024 bytes".*flag=--max-post-bytes`)
	status, answer := curl(t, "-H", token, strings.TrimSuffix(url, "/ingest")+"/metrics")
	require.Equal(t, "200", status)
	require.Contains(t, answer, `wsreceiver_requests_refused_total{status="413"} 1`)
	require.Equal(t, exitOK, p.stop())
	require.Empty(t, p.stdout.String())
	require.NotContains(t, p.log.String(), "secret")
}

func TestASharedKeyClosesPOST(t *testing.T) {
	p := begin(t, "--shared-key-file", write(t, "key", "secret"))
	status, answer := curl(t, "--json", "{}", p.log.httpURL(t))
	require.Equal(t, "403", status)
	require.Contains(t, answer, "only Fluent Forward is accepted")
	require.Equal(t, exitOK, p.stop())
	require.Empty(t, p.stdout.String())
}

func TestFramesWithoutAnUpgradeAreLogged(t *testing.T) {
	p := begin(t, "--metrics")
	url := p.log.httpURL(t)
	address := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/ingest")
	// A masked text frame of 30 bytes, as Fluent Bit sends it after a lost connection,
	// with a line break in it so that it ends what may be the first line of a request.
	frame := "\x81\x9e\x01\x02\x03\x04" + strings.Repeat("x", 14) + "\r\n" + strings.Repeat("x", 14)
	for range 3 {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		require.NoError(t, err)
		require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
		_, err = conn.Write([]byte(frame + "\r\n\r\n"))
		require.NoError(t, err)
		answer := make([]byte, 12)
		_, err = conn.Read(answer)
		require.NoError(t, err)
		require.Equal(t, "HTTP/1.1 400", string(answer))
		require.NoError(t, conn.Close())
	}
	p.log.find(t, `level=WARN msg="a connection sent something other than an HTTP request, which is lost" remote=127\.0\.0\.1:\d+ more_before=0`)
	require.Eventually(t, func() bool {
		_, page := get(t, strings.TrimSuffix(url, "/ingest")+"/metrics")
		return strings.Contains(page, `wsreceiver_requests_refused_total{status="400"} 3`)
	}, 10*time.Second, 10*time.Millisecond)
	require.Equal(t, 1, strings.Count(p.log.String(), "something other than an HTTP request"))
}

// pythonSender posts records with running numbers until all of them are confirmed,
// each request with a key of its own, and connects again whenever that fails.
const pythonSender = `
import http.client, sys, time
port_file, last, per = sys.argv[1], int(sys.argv[2]), 100
conn = None
for first in range(1, last + 1, per):
    body = "".join('{"n":%d}\n' % n for n in range(first, first + per))
    while True:
        try:
            if conn is None:
                conn = http.client.HTTPConnection("127.0.0.1", int(open(port_file).read()), timeout=10)
            conn.request("POST", "/ingest", body, {"Content-Type": "application/x-ndjson", "Idempotency-Key": "k%d" % first})
            res = conn.getresponse()
            res.read()
            if res.status == 204:
                break
            conn.close()
            conn = None
        except (OSError, ValueError, http.client.HTTPException):
            if conn is not None:
                conn.close()
            conn = None
        time.sleep(0.02)
    print(first + per - 1, flush=True)
`

func TestPythonPostsThroughKillsAndNothingIsMissing(t *testing.T) {
	binary, out, portFile := build(t), filepath.Join(t.TempDir(), "out.ndjson"), filepath.Join(t.TempDir(), "port")
	const last = 20_000
	launchAgain := func() *exec.Cmd {
		command, log := launch(t, binary, "--out", out, "--quiet")
		address := strings.TrimSuffix(strings.TrimPrefix(log.url(t), "ws://"), "/ingest")
		_, port, err := net.SplitHostPort(address)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(portFile, []byte(port), 0o600))
		return command
	}
	command := launchAgain()
	sender := exec.CommandContext(t.Context(), "python3", "-c", pythonSender, portFile, fmt.Sprint(last))
	confirmed := newLogLines()
	sender.Stdout, sender.Stderr = confirmed, confirmed
	require.NoError(t, sender.Start())
	for _, reached := range []int{2000, 6000} {
		confirmed.find(t, fmt.Sprintf(`(?m)^%d$`, reached))
		require.NoError(t, command.Process.Kill())
		require.Error(t, command.Wait())
		command = launchAgain()
	}
	require.NoError(t, sender.Wait(), "%s", confirmed)
	require.NoError(t, command.Process.Signal(syscall.SIGTERM))
	require.NoError(t, command.Wait())
	found := numbers(t, out, false)
	requireAll(t, found, last)
	require.Len(t, found, last)
	duplicates := 0
	for _, count := range found {
		duplicates += count - 1
	}
	require.LessOrEqual(t, duplicates, 2*100, "one request a kill")
}

func TestAnIdempotencyKeyIsNotWrittenTwice(t *testing.T) {
	p := begin(t)
	for range 2 {
		status, answer := curl(t, "-H", "Idempotency-Key: one", "--json", `{"n":1}`, p.log.httpURL(t))
		require.Equal(t, "204", status, answer)
	}
	require.Equal(t, exitOK, p.stop())
	require.Equal(t, "{\"n\":1}\n", p.stdout.String())
}
