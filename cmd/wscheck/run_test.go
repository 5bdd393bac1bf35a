// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"filebeat-websocket/cmd/wscheck/internal/rules"
	"filebeat-websocket/testing/wstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// linkOf returns where a rule is, from docs/.
func linkOf(t *testing.T, id string) string {
	t.Helper()
	chosen, unknown := rules.Named([]string{id})
	require.Empty(t, unknown)
	return strings.TrimPrefix(chosen[0].Link(), "docs/")
}

func TestFlagsThatAreWrongAreNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(file, []byte("\n"), 0o600))
	for args, want := range map[string]string{
		"":                                      "one URL is needed",
		"ws://a ws://b":                         "there are 2",
		"http://a":                              "ws:// or wss://",
		"ws://a --ack maybe":                    "flag --ack",
		"ws://a --format xml":                   "flag --format",
		"ws://a --ack message --format forward": "use --ack forward",
		"ws://a --ack forward --format json":    "flag --format",
		"ws://a --only A1,Z9":                   `"Z9"`,
		"ws://a --only F1":                      "flag --only",
		"ws://a --timeout 1ms":                  "flag --timeout",
		"ws://a --max-message-bytes 1":          "flag --max-message-bytes",
		"ws://a --kill-command x":               "flag --kill-command",
		"ws://a --cert x":                       "flag --cert",
		"ws://a --user-file x":                  "flag --user-file",
		"ws://a --ca /no/such/file":             "flag --ca",
		"ws://a --ca " + file:                   "flag --ca",
		"ws://a --bearer-token-file " + file:    "flag --bearer-token-file",
		"--no-such-flag":                        "no-such-flag",
	} {
		t.Run(args, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			require.Equal(t, exitUsage, run(t.Context(), strings.Fields(args), &stdout, &stderr))
			require.Contains(t, stderr.String(), want)
			require.Empty(t, stdout.String())
		})
	}
}

func TestHelpVersionAndListNeedNoURL(t *testing.T) {
	for args, want := range map[string]string{
		"--help":            "Exit code: 0 if no MUST fails",
		"--version":         "wscheck dev",
		"--list":            "docs/formats.md#f2",
		"--list --only n":   "docs/protocol.md#n2",
		"--list --json":     `"read": "docs/delivery.md#p1"`,
		"--list --only P,U": "needs --bearer-token-file",
	} {
		t.Run(args, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			require.Zero(t, run(t.Context(), strings.Fields(args), &stdout, &stderr))
			require.Contains(t, stdout.String(), want)
		})
	}
}

// fast are the rules that take no time if they hold.
var fast = []string{"--only", "U,C1,A1,A3,A4,N,A7,A8", "--timeout", "5s"}

func TestEachLineSaysWhatWasSentWhatCameAndWhereToReadOn(t *testing.T) {
	m := wstest.StartMistaken(t, wstest.Mistake{Ack: "message", Flaw: wstest.AsksForBadRecordsAgain})
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitFailed, run(t.Context(), append([]string{m.URL(), "--ack", "message"}, fast...), &stdout, &stderr))
	require.Empty(t, stderr.String(), "there is no terminal that shows what passes")
	blocks := strings.Split(strings.TrimSpace(stdout.String()), "\n")
	var lines []string
	for _, line := range blocks[:len(blocks)-2] {
		if strings.HasPrefix(line, " ") {
			lines[len(lines)-1] += "\n" + line
		} else {
			lines = append(lines, line)
		}
	}
	failed := 0
	for _, line := range lines {
		require.Regexp(t, `(MUST|SHOULD)`, line)
		require.Regexp(t, `docs/\w+\.md#\w+`, line)
		switch {
		case strings.HasPrefix(line, "holds"):
			require.Regexp(t, `sent .+; came .+; docs`, line)
		case strings.HasPrefix(line, "FAILS"):
			failed++
			require.Regexp(t, `(?s)sent: .+\n.*came: .*"retry":true.+\n.*wrong: .+\n.*read: .*docs/protocol\.md#n4`, line)
		default:
			require.Regexp(t, `^not tried .*\n +\S.+; docs`, line)
		}
	}
	require.Equal(t, 1, failed)
	require.Contains(t, blocks[len(blocks)-1], "1 MUST and 0 SHOULD fail")
}

func TestJSONHasTheSame(t *testing.T) {
	m := wstest.StartMistaken(t, wstest.Mistake{Ack: "message"})
	var stdout, stderr bytes.Buffer
	require.Zero(t, run(t.Context(), append([]string{"--json", "--ack", "message", m.URL()}, fast...), &stdout, &stderr))
	var document struct {
		URL    string
		Passed bool
		Counts map[string]int
		Rules  []jsonRule
	}
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &document))
	require.Equal(t, m.URL(), document.URL)
	require.True(t, document.Passed)
	require.Zero(t, document.Counts["must_fail"])
	require.Len(t, document.Rules, document.Counts["hold"]+document.Counts["not_tried"])
	for _, rule := range document.Rules {
		require.NotEmpty(t, rule.Read)
		require.Equal(t, rule.State == rules.NotTried, rule.Why != "", "%+v", rule)
	}
}

func TestWhatAReceiverSaysDoesNotChangeTheTerminal(t *testing.T) {
	var b strings.Builder
	printResult(&b, rules.Result{Rule: rules.All[0], Verdict: rules.Verdict{State: rules.Fails, Came: "\x1b[2J\r\a\u202e\u009b über", Why: "a\nb"}})
	require.NotRegexp(t, "[\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f\\x{202e}]", b.String())
	require.Contains(t, b.String(), `\x1b[2J\r\a\u202e\u009b über`)
	require.Contains(t, b.String(), `a\nb`)
}

func TestWhatWasNotTriedIsNoSuccess(t *testing.T) {
	m := wstest.StartMistaken(t, wstest.Mistake{Ack: "message"})
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitFailed, run(t.Context(), []string{m.URL(), "--ack", "message", "--only", "A5"}, &stdout, &stderr))
	require.Contains(t, stdout.String(), "it needs --store-command")
	require.Contains(t, stdout.String(), "0 hold")
}

func TestWatchedRulesAreTriedByThemselves(t *testing.T) {
	m := wstest.StartMistaken(t, wstest.Mistake{Ack: "message", Flaw: wstest.AcksWithText})
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitFailed, run(t.Context(), []string{m.URL(), "--ack", "message", "--only", "W1,A7"}, &stdout, &stderr))
	require.Regexp(t, `(?m)^holds +W1`, stdout.String())
	require.Regexp(t, `(?m)^FAILS +A7`, stdout.String())
}

func TestATokenIsNeverPrinted(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "no entry for "+r.Header.Get("Authorization"), http.StatusTeapot)
	}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte("sesame-open\n"), 0o600))
	for _, form := range []string{"--json", "--timeout=10s"} {
		var stdout, stderr bytes.Buffer
		url := "ws://user:pa55@" + strings.TrimPrefix(server.URL, "http://")
		require.Equal(t, exitFailed, run(t.Context(), []string{url, form, "--bearer-token-file", file}, &stdout, &stderr))
		require.Contains(t, stdout.String(), "no entry for Bearer ***")
		require.NotContains(t, stdout.String()+stderr.String(), "sesame-open")
		require.NotContains(t, stdout.String()+stderr.String(), "pa55")
	}
}

func TestAReceiverThatIsNotThereFailsAtOnce(t *testing.T) {
	var stdout, stderr bytes.Buffer
	begin := time.Now()
	require.Equal(t, exitFailed, run(t.Context(), []string{"ws://127.0.0.1:1/"}, &stdout, &stderr))
	require.Less(t, time.Since(begin), 5*time.Second)
	require.Regexp(t, `(?m)^FAILS +U1`, stdout.String())
	require.Contains(t, stdout.String(), "1 MUST and 0 SHOULD fail")
}
