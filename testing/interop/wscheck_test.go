// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

const receiversFile = "docs/receivers.md"

// checked is what wscheck finds.
type checked struct {
	Rules []struct{ Rule, Level, State, Came, Why string }
}

// failing returns the rules of a level that fail, and why.
func (c checked) failing(level string) (ids []string, whys string) {
	for _, rule := range c.Rules {
		if rule.State == "fails" && rule.Level == level {
			ids = append(ids, rule.Rule)
			whys += fmt.Sprintf("%s: %s; came %s\n", rule.Rule, rule.Why, rule.Came)
		}
	}
	return ids, whys
}

// wscheck runs ./wscheck in a folder, and requires that no MUST fails.
func wscheck(t *testing.T, folder string, args ...string) checked {
	t.Helper()
	var stderr strings.Builder
	// The receivers share the machine with each other: only one that does not answer at all may fail.
	cmd := exec.CommandContext(t.Context(), beattest.Binary(t, "wscheck"), append(args, "--json", "--timeout", patience.String())...)
	cmd.Dir, cmd.Stderr = folder, &stderr
	output, err := cmd.Output()
	var c checked
	require.NoError(t, json.Unmarshal(output, &c), stderr.String())
	failing, whys := c.failing("MUST")
	require.Empty(t, failing, whys)
	require.NoError(t, err, "the exit code")
	for _, rule := range c.Rules {
		require.False(t, strings.HasPrefix(rule.Why, "--"), "%+v", rule)
	}
	return c
}

// idsAreForgotten is the one SHOULD that receivers may break that remember no ids.
const idsAreForgotten = "R3"

func TestWscheckFindsNoFaultInTheDocumentedReceivers(t *testing.T) {
	for name, l := range languages {
		for _, format := range []string{"json", "json_lines"} {
			t.Run(name+", "+format, func(t *testing.T) {
				t.Parallel()
				folder, port := t.TempDir(), freePort(t)
				receiver := exec.CommandContext(t.Context(), l.command, l.installed(t), "records.ndjson", port)
				receiver.Dir = folder
				process, signal := beattest.StartSupervised(t, receiver)
				beattest.Eventually(t, patience, "it listens", func() bool { return listening.MatchString(process.Output()) })
				check := func(name string, more ...string) checked {
					return wscheck(t, folder, append([]string{"ws://127.0.0.1:" + port + "/ingest", "--ack", "message", "--format", format,
						"--store-command", "cat records.ndjson", "--kill-command", signal(name)}, more...)...)
				}
				c := check("KILL")
				require.Greater(t, len(c.Rules), 15)
				failing, whys := c.failing("SHOULD")
				require.Subset(t, []string{idsAreForgotten}, failing, whys)
				for _, rule := range check("TERM", "--only", "A6,E1").Rules { // the rules about a stop
					require.Equal(t, "holds", rule.State, "%+v", rule)
				}
			})
		}
	}
}

// tooLong is the rule that bridges are not asked about: they and their Forward server take
// messages of any length, and such a message keeps the server busy for a minute.
const tooLong = "L2"

// allBut returns the ids of all rules but one, for --only.
func allBut(t *testing.T, rule string) string {
	t.Helper()
	list, err := exec.CommandContext(t.Context(), beattest.Binary(t, "wscheck"), "--list").Output()
	require.NoError(t, err)
	ids := regexp.MustCompile(`(?m)^[A-Z]\d+`).FindAllString(string(list), -1)
	at := slices.Index(ids, rule)
	require.GreaterOrEqual(t, at, 0)
	return strings.Join(slices.Delete(ids, at, at+1), ",")
}

// lapses are the SHOULDs that a library breaks, beside idsAreForgotten.
var lapses = map[string][]string{
	"Python aiohttp":     {"W5"},
	"Python Tornado":     {"U4", "W4", "W5"},
	"Go coder/websocket": {"W4"},
	forwardServer.name:   {"W4"},
}

func TestWscheckFindsNoFaultInTheServers(t *testing.T) {
	for _, s := range servers {
		for _, ack := range []string{"ping", "none"} {
			t.Run(s.name+", "+ack, func(t *testing.T) {
				t.Parallel()
				file := filepath.Join(t.TempDir(), "records.ndjson")
				p := s.start(t, file)
				c := wscheck(t, p.folder, "ws://"+p.address()+"/ingest", "--ack", ack, "--store-command", "cat records.ndjson")
				require.Greater(t, len(c.Rules), 15)
				failing, whys := c.failing("SHOULD")
				require.Equal(t, append(slices.Clone(lapses[s.name]), idsAreForgotten), failing, whys)
			})
		}
	}
	for _, b := range bridges {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			s := forwardServer.start(t, filepath.Join(folder, "records.ndjson"))
			for file, line := range map[string]string{"key": "s3cret", "user": "alice:pa55word"} {
				require.NoError(t, os.WriteFile(filepath.Join(folder, file), []byte(line+"\n"), 0o600))
			}
			c := wscheck(t, folder, b.start(t, s.address()), "--ack", "forward", "--shared-key-file", "key", "--user-file", "user",
				"--store-command", "cat records.ndjson", "--only", allBut(t, tooLong))
			require.Greater(t, len(c.Rules), 15)
			failing, whys := c.failing("SHOULD")
			require.Subset(t, append(lapses[forwardServer.name], idsAreForgotten), failing, whys)
		})
	}
}

// blockOf returns the one fenced block of docs/receivers.md that begins like that.
func blockOf(t *testing.T, fence string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(beattest.Root(t), receiversFile))
	require.NoError(t, err)
	found := regexp.MustCompile("(?sm)^```"+fence+"\n(.*?)^```$").FindAllStringSubmatch(string(content), -1)
	require.Len(t, found, 1, fence)
	return found[0][1]
}

// TestTheCommandsOfTheDocumentAboutReceivers checks the small receiver of the document with
// each command of it, and another one over TLS.
func TestTheCommandsOfTheDocumentAboutReceivers(t *testing.T) {
	install(t)
	content, err := os.ReadFile(filepath.Join(beattest.Root(t), receiversFile))
	require.NoError(t, err)
	folder, port := t.TempDir(), freePort(t)
	here := strings.NewReplacer("8080", port, "python3", debianPython)
	for name, text := range map[string]string{"small.py": blockOf(t, "python"), "restart.sh": here.Replace(blockOf(t, "sh restart"))} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	shell := func(line string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
		cmd.Dir = folder
		cmd.Env = append(os.Environ(), "PATH="+beattest.Root(t)+":"+os.Getenv("PATH"))
		output, err := cmd.CombinedOutput()
		return string(output), err
	}
	t.Cleanup(func() { _, _ = shell(`kill -9 "$(cat receiver.pid)"`) }) // it may not have begun
	output, err := shell("touch receiver.pid; sh restart.sh 2>/dev/null")
	require.NoError(t, err, output)
	p := &peer{t: t, port: port}
	beattest.Eventually(t, patience, "the receiver listens", p.listens)

	lines := regexp.MustCompile(`(?m)^wscheck .+$`).FindAllString(string(content), -1)
	require.Len(t, lines, 4)
	for _, line := range lines {
		if strings.Contains(line, "wss://") {
			continue
		}
		output, err := shell(here.Replace(line))
		require.NoError(t, err, output)
		// The small receiver writes an ack for each message, names no records, and remembers no ids.
		for _, failing := range regexp.MustCompile(`(?m)^FAILS +(\S+) +(\S+)`).FindAllStringSubmatch(output, -1) {
			require.Equal(t, "SHOULD", failing[2], output)
			require.Contains(t, []string{"A4", "N7", idsAreForgotten}, failing[1], output)
		}
	}

	ca := beattest.NewCA(t)
	certificate, key := beattest.WriteKeyPair(t, folder, ca.IssueAs(func(template *x509.Certificate) { template.DNSNames = []string{"localhost"} }), "")
	authority, err := os.ReadFile(ca.File)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "ca.pem"), authority, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "token"), []byte("sesame-sesame-sesame\n"), 0o600))
	secure := exec.CommandContext(t.Context(), beattest.Binary(t, "wsreceiver"), "--listen", "127.0.0.1:0", "--out", os.DevNull,
		"--tls-cert", certificate, "--tls-key", key, "--token-file", filepath.Join(folder, "token"))
	process, url, err := beattest.OpenReceiver(secure)
	require.NoError(t, err)
	t.Cleanup(process.Kill)
	for _, line := range lines {
		if strings.Contains(line, "wss://") {
			output, err := shell(strings.Replace(line, "wss://localhost:8443/ingest", strings.Replace(url, "127.0.0.1", "localhost", 1), 1))
			require.NoError(t, err, output)
			require.Regexp(t, `(?m)^holds +U5`, output)
		}
	}
}
