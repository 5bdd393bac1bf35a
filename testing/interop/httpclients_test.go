// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"github.com/tinylib/msgp/msgp"

	"filebeat-websocket/testing/beattest"
)

const (
	postedLines = 20_000
	postedBody  = 1000 // lines in a request, except for forms
)

// postedLine has what some of the formats have to escape.
func postedLine(seq int) string { return fmt.Sprintf(`a "line", seq=%d & 100%% + more`, seq) }

// posts are what curl sends. body returns the body with the lines from first to last.
var posts = []struct {
	name, kind, encoding string
	body                 func(first, last int) []byte
}{
	{"objects", "application/json", "", jsonObjects("")},
	{"an array", "application/json", "gzip", func(first, last int) []byte {
		return slices.Concat([]byte("["), bytes.TrimSuffix(jsonObjects(",")(first, last), []byte(",")), []byte("]"))
	}},
	{"lines", "application/x-ndjson", "deflate", jsonObjects("\n")},
	{"MessagePack", "application/x-msgpack", "", func(first, last int) (body []byte) {
		for seq := first; seq <= last; seq++ {
			body = msgp.AppendMapHeader(body, 1)
			body = msgp.AppendString(msgp.AppendString(body, "message"), postedLine(seq))
		}
		return body
	}},
	{"CSV", "text/csv", "", func(first, last int) (body []byte) {
		for seq := first; seq <= last; seq++ {
			body = fmt.Appendf(body, "%d,\"%s\"\r\n", seq, strings.ReplaceAll(postedLine(seq), `"`, `""`))
		}
		return body
	}},
	{"text", "text/plain", "zstd", func(first, last int) (body []byte) {
		for seq := first; seq <= last; seq++ {
			body = append(body, postedLine(seq)+"\n"...)
		}
		return body
	}},
}

func jsonObjects(end string) func(first, last int) []byte {
	return func(first, last int) (body []byte) {
		for seq := first; seq <= last; seq++ {
			body = fmt.Appendf(body, `{"message":%q}%s`, postedLine(seq), end)
		}
		return body
	}
}

// encoded compresses a body.
func encoded(t *testing.T, encoding string, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch encoding {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "deflate":
		w = zlib.NewWriter(&b)
	case "zstd":
		encoder, err := zstd.NewWriter(&b)
		require.NoError(t, err)
		w = encoder
	default:
		return body
	}
	_, err := w.Write(body)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

// TestCurlPostsThroughAKill makes the table of HTTP clients in docs/interop.md.
func TestCurlPostsThroughAKill(t *testing.T) {
	const head = "| client | version | what it sends | `Content-Type` | `Content-Encoding` | lines | missing | duplicates |\n|---|---|---|---|---|--:|--:|--:|\n"
	version := versionOf(t, []string{"curl", "--version"}, `^curl (\S+)`)
	rows := make([]string, len(posts)+1)
	var mutex sync.Mutex
	note := func(i int, name, kind, encoding string, duplicates int) {
		mutex.Lock()
		defer mutex.Unlock()
		rows[i] = fmt.Sprintf("| curl | %s | %s | `%s` | %s | %d | 0 | %d |\n", version, name, kind, encoding, postedLines, duplicates)
	}
	t.Run("clients", func(t *testing.T) {
		for i, post := range posts {
			t.Run(post.name, func(t *testing.T) {
				t.Parallel()
				folder := t.TempDir()
				var files []string
				for first := 1; first <= postedLines; first += postedBody {
					files = append(files, filepath.Join(folder, fmt.Sprintf("%06d", first)))
					require.NoError(t, os.WriteFile(files[len(files)-1], encoded(t, post.encoding, post.body(first, first+postedBody-1)), 0o600))
				}
				note(i, post.name, post.kind, post.encoding, postThroughAKill(t, postedBody, func(url string) []string {
					return slices.Concat([]string{testdata(t, "clients", "post.sh"), url, post.kind, post.encoding}, files)
				}))
			})
		}
		t.Run("forms", func(t *testing.T) {
			t.Parallel()
			// A request for each line, 50 at the same time, which curl repeats by itself.
			note(len(posts), "forms", "application/x-www-form-urlencoded", "", postThroughAKill(t, 50, func(target string) []string {
				var config strings.Builder
				for seq := 1; seq <= postedLines; seq++ {
					fmt.Fprintf(&config, "url = %q\ndata = \"message=%s\"\nheader = \"Idempotency-Key: %d\"\n", target, url.QueryEscape(postedLine(seq)), seq)
					config.WriteString("fail\nsilent\nshow-error\nretry = 100\nretry-all-errors\nretry-delay = 1\nnext\n")
				}
				file := filepath.Join(t.TempDir(), "config")
				require.NoError(t, os.WriteFile(file, []byte(strings.TrimSuffix(config.String(), "next\n")), 0o600))
				return []string{"curl", "--parallel", "--parallel-max", "50", "--no-progress-meter", "--config", file}
			}))
		})
	})
	t.Log("\n" + head + strings.Join(rows, ""))
	if !slices.Contains(rows, "") { // otherwise some are left out with -run, or have failed
		checkSection(t, "http clients", head+strings.Join(rows, ""), withoutDigits)
	}
}

// postThroughAKill has a program post the lines to a wsreceiver that is killed in the
// middle. Nothing is missing, and nothing is there twice but what the kill kept from being
// confirmed: atStake is how many lines are under way at most.
func postThroughAKill(t *testing.T, atStake int, command func(url string) []string) (duplicates int) {
	t.Helper()
	receiver := beattest.StartReceiver(t, "--quiet", "--listen", "127.0.0.1:"+freePort(t)) // curl has the usual ones
	arguments := command("http" + strings.TrimPrefix(receiver.URL(), "ws"))
	client := beattest.StartProcess(t, exec.CommandContext(t.Context(), arguments[0], arguments[1:]...))
	file := &stored{t: t, path: receiver.File, before: "seq=", seen: map[int]int{}}
	beattest.Eventually(t, patience, "records are in the file", func() bool {
		require.True(t, client.Running(), "the client has ended:\n%s", client.Output())
		if receiver.Size() > 0 {
			file.look()
		}
		return len(file.seen) >= postedLines/5
	})
	receiver.Kill()
	require.Less(t, len(file.seen), postedLines, "the receiver was killed too late for this test")
	receiver.Start()
	require.Zero(t, client.Wait(2*patience), client.Output())
	require.Zero(t, receiver.Stop())
	file.look()
	file.requireAll(1, postedLines)
	require.LessOrEqual(t, file.torn, 1, "the kill tears at most one line")
	for _, times := range file.seen {
		duplicates += times - 1
	}
	require.LessOrEqual(t, duplicates, atStake)
	requirePostedLines(t, receiver.File)
	return duplicates
}

// requirePostedLines compares each record in the file with what was sent.
func requirePostedLines(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	for line := range bytes.Lines(content) {
		var record struct{ Message, C2 string }
		if json.Unmarshal(line, &record) != nil {
			continue // torn, which was counted
		}
		_, after, _ := strings.Cut(record.Message+record.C2, "seq=")
		var seq int
		_, err := fmt.Sscanf(after, "%d", &seq)
		require.NoError(t, err, "%s", line)
		if record.Message+record.C2 != postedLine(seq) {
			require.FailNow(t, "a record is not what was sent", "%s", line)
		}
	}
}
