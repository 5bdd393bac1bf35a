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
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

// forwardClients are clients of Fluent Forward over TCP. start returns a command without
// its arguments.
var forwardClients = []struct {
	name    string
	modes   []string
	keyed   bool // the client does the handshake
	start   func(t *testing.T) (command, env []string)
	version func(t *testing.T) string
}{
	{"@fluent-org/logger", []string{"Message", "Forward", "PackedForward", "CompressedPackedForward"}, true, nodeClient("fluent_org.cjs"), nodeVersion("@fluent-org/logger")},
	{"fluent-logger", []string{"Message", "PackedForward", "CompressedPackedForward"}, true, nodeClient("fluent_logger.cjs"), nodeVersion("fluent-logger")},
	{"fluent/fluent-logger-golang", []string{"Message"}, false, func(t *testing.T) (command, env []string) {
		program := filepath.Join(t.TempDir(), "fluentclient")
		build(t, "go", "build", "-o", program, "./fluentclient")
		return []string{program}, nil
	}, func(t *testing.T) string {
		return versionOf(t, []string{"go", "list", "-m", "github.com/fluent/fluent-logger-golang"}, `\s(\S+)`)
	}},
}

func nodeClient(program string) func(t *testing.T) (command, env []string) {
	return func(t *testing.T) (command, env []string) {
		return []string{"node", testdata(t, "clients", program)}, []string{"NODE_PATH=" + filepath.Join(nodeFolder(t), "node_modules")}
	}
}

func nodeVersion(module string) func(*testing.T) string {
	return func(*testing.T) string { return nodeModules[module] }
}

// TestForwardClientsShipToTheReceiver makes the third table of docs/interop.md.
func TestForwardClientsShipToTheReceiver(t *testing.T) {
	const head = "| client | version | mode | transport | records | missing | duplicates |\n|---|---|---|---|--:|--:|--:|\n"
	install(t)
	var mutex sync.Mutex
	rows := map[string]string{}
	var names []string
	t.Run("clients", func(t *testing.T) {
		for _, c := range forwardClients {
			for _, mode := range c.modes {
				for _, transport := range []string{"TCP", "TLS"} {
					name := c.name + " " + mode + " " + transport
					names = append(names, name)
					t.Run(name, func(t *testing.T) {
						t.Parallel()
						command, env := c.start(t)
						duplicates := shipFromForwardClient(t, command, env, mode, c.keyed, transport == "TLS")
						mutex.Lock()
						defer mutex.Unlock()
						rows[name] = fmt.Sprintf("| %s | %s | %s | %s | %d | 0 | %d |\n", c.name, c.version(t), mode, transport, forwardLines, duplicates)
					})
				}
			}
		}
	})
	var table strings.Builder
	table.WriteString(head)
	for _, name := range names {
		table.WriteString(rows[name])
	}
	t.Log("\n" + table.String())
	// Some rows are left out with -run, or have failed.
	if !slices.ContainsFunc(names, func(name string) bool { return rows[name] == "" }) {
		checkSection(t, "forward clients", table.String(), withoutDigits)
	}
}

// shipFromForwardClient has a client send the records to a wsreceiver that is killed in
// the middle, and checks tag and time of each.
func shipFromForwardClient(t *testing.T, command, env []string, mode string, keyed, secure bool) (duplicates int) {
	t.Helper()
	folder, port := t.TempDir(), freePort(t)
	args := []string{"--forward-listen", "127.0.0.1:" + port}
	if keyed {
		key, users := filepath.Join(folder, "key"), filepath.Join(folder, "users")
		require.NoError(t, os.WriteFile(key, []byte("s3cret"), 0o600))
		require.NoError(t, os.WriteFile(users, []byte("alice:pa55word\n"), 0o600))
		args = append(args, "--shared-key-file", key, "--user-file", users)
		env = append(env, "SHARED_KEY=s3cret", "USERNAME=alice", "PASSWORD=pa55word")
	}
	if secure {
		ca := beattest.NewCA(t)
		certificate, key := beattest.WriteKeyPair(t, folder, ca.IssueAs(func(template *x509.Certificate) {
			template.Subject.CommonName, template.DNSNames = "localhost", []string{"localhost"}
		}), "")
		args = append(args, "--tls-cert", certificate, "--tls-key", key)
		env = append(env, "CA="+ca.File)
	}
	receiver := beattest.StartReceiverIn(t, folder, args...)
	client := exec.CommandContext(t.Context(), command[0], slices.Concat(command[1:], []string{port, mode, "1", fmt.Sprint(forwardLines)})...)
	client.Env = append(os.Environ(), env...)
	process := beattest.StartProcess(t, client)
	file := &stored{t: t, path: receiver.File, before: " seq=", seen: map[int]int{}}
	beattest.Eventually(t, patience, "records are in the file", func() bool {
		require.True(t, process.Running(), "the client has ended:\n%s", process.Output())
		if receiver.Size() > 0 {
			file.look()
		}
		return len(file.seen) >= forwardLines/5
	})
	receiver.Kill()
	require.Less(t, len(file.seen), forwardLines/2, "the receiver was killed too late for this test")
	receiver.Start()
	require.Zero(t, process.Wait(2*patience), process.Output())
	require.Zero(t, receiver.Stop())

	file.look()
	file.requireAll(1, forwardLines)
	require.LessOrEqual(t, file.torn, 1, "the kill tears at most one line")
	requireForwardRecords(t, receiver.File)
	for _, times := range file.seen {
		duplicates += times - 1
	}
	return duplicates
}

// requireForwardRecords compares each record in the file with what was sent.
func requireForwardRecords(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	for line := range strings.Lines(string(content)) {
		var record struct {
			Time         string `json:"@timestamp"`
			Tag, Message string
		}
		if json.Unmarshal([]byte(line), &record) != nil {
			continue // torn, which was counted
		}
		var seq int
		_, err := fmt.Sscanf(record.Message, "a line seq=%d", &seq)
		require.NoError(t, err, line)
		if want := forwardTime(seq).Format(time.RFC3339Nano); record.Tag != "app."+forwardTag(seq) || record.Time != want {
			require.FailNow(t, "a record has another tag or time", "want %s: %s", want, line)
		}
	}
}
