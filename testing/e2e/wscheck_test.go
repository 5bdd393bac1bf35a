// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
	"filebeat-websocket/testing/wstest"
)

// checksAtOnce is how many checks keep two cores busy: a check mostly waits for what must
// not come.
const checksAtOnce = 24

// checkOutcome is what wscheck --json prints, and its exit code.
type checkOutcome struct {
	Rules []struct{ Rule, Level, State, Came, Why string }

	code   int
	stderr string
}

// failed are the rules that fail, and why they do.
func (o checkOutcome) failed() (ids []string, whys string) {
	for _, rule := range o.Rules {
		if rule.State == "fails" {
			ids = append(ids, rule.Rule)
			whys += fmt.Sprintf("%s: %s; came %s\n", rule.Rule, rule.Why, rule.Came)
		}
	}
	return ids, whys + o.stderr
}

// outcomeOf runs a check. Without an outcome there are no rules in it.
func outcomeOf(cmd *exec.Cmd) (o checkOutcome) {
	var stderr strings.Builder
	cmd.Args = append(cmd.Args, "--json")
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	if exit, failed := errors.AsType[*exec.ExitError](err); failed {
		o.code = exit.ExitCode()
	}
	if err := json.Unmarshal(stdout, &o); err != nil {
		fmt.Fprintln(&stderr, err)
	}
	o.stderr = stderr.String()
	return o
}

// checkOf returns the flags with which a receiver is checked for all that it has.
func checkOf(t *testing.T, mistake wstest.Mistake) []string {
	t.Helper()
	m := wstest.StartMistaken(t, mistake)
	format := "json_lines"
	if mistake.Ack == "forward" {
		format = "forward"
	}
	args := []string{m.URL(), "--ack", mistake.Ack, "--format", format, "--store-command", m.StoreCommand(),
		"--max-message-bytes", fmt.Sprint(wstest.MistakenMaxBytes), "--timeout", "5s"}
	if mistake.Kill {
		args = append(args, "--kill-command", m.KillCommand())
	}
	if mistake.Slow {
		args = append(args, "--timeout", "10s", "--only", "U,C,A,G")
	}
	if mistake.Token != "" {
		file := filepath.Join(t.TempDir(), "token")
		require.NoError(t, os.WriteFile(file, []byte(mistake.Token+"\n"), 0o600))
		args = append(args, "--bearer-token-file", file)
	}
	return args
}

// checkAll runs checks at the same time, and judges them one after the other.
func checkAll(t *testing.T, names []string, checks []*exec.Cmd, judge func(t *testing.T, i int, o checkOutcome)) {
	t.Helper()
	outcomes := make([]checkOutcome, len(checks))
	places := make(chan struct{}, checksAtOnce)
	var running sync.WaitGroup
	for i, check := range checks {
		running.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			outcomes[i] = outcomeOf(check)
		})
	}
	running.Wait()
	for i, name := range names {
		t.Run(name, func(t *testing.T) { judge(t, i, outcomes[i]) })
	}
}

// checkMistakes checks a receiver for each mistake.
func checkMistakes(t *testing.T, mistakes []wstest.Mistake, judge func(t *testing.T, i int, o checkOutcome)) {
	t.Helper()
	var names []string
	var checks []*exec.Cmd
	for _, mistake := range mistakes {
		names = append(names, mistake.Name)
		checks = append(checks, exec.CommandContext(t.Context(), beattest.Binary(t, "wscheck"), checkOf(t, mistake)...))
	}
	checkAll(t, names, checks, judge)
}

// requireNoFault fails the test if a rule fails, or could not be tried for want of a command.
func requireNoFault(t *testing.T, o checkOutcome) {
	t.Helper()
	failed, whys := o.failed()
	require.Empty(t, failed, whys)
	require.Zero(t, o.code, whys)
	require.Greater(t, len(o.Rules), 20)
	for _, rule := range o.Rules {
		require.False(t, strings.HasPrefix(rule.Why, "it needs --store-command") || strings.HasPrefix(rule.Why, "--"), "%+v", rule)
	}
}

func TestWscheckFindsNoFaultInAReceiverWithoutAMistake(t *testing.T) {
	t.Parallel()
	var right []wstest.Mistake
	for _, ack := range []string{"ping", "message", "forward", "none"} {
		right = append(right, wstest.Mistake{Name: ack, Ack: ack, Token: "sesame", Kill: true})
	}
	checkMistakes(t, right, func(t *testing.T, _ int, o checkOutcome) {
		t.Helper()
		requireNoFault(t, o)
	})
}

func TestWscheckFindsTheRuleThatAReceiverBreaks(t *testing.T) {
	t.Parallel()
	require.GreaterOrEqual(t, len(wstest.Mistakes), 25)
	checkMistakes(t, wstest.Mistakes, func(t *testing.T, i int, o checkOutcome) {
		t.Helper()
		broken := wstest.Mistakes[i].Rule
		failed, whys := o.failed()
		require.Equal(t, []string{broken}, failed, whys)
		for _, rule := range o.Rules {
			if rule.Rule == broken {
				require.Equal(t, rule.Level == "SHOULD", o.code == 0, "only a MUST is an error")
			}
		}
	})
}

func TestWscheckFindsNoFaultInWsreceiver(t *testing.T) {
	t.Parallel()
	var names []string
	var checks []*exec.Cmd
	for _, row := range []struct {
		name            string
		receiver, check []string
	}{
		{"ping", nil, []string{"--ack", "ping"}},
		{"message", nil, []string{"--ack", "message"}},
		{"message, lines", []string{"--format", "json_lines"}, []string{"--ack", "message", "--format", "json_lines"}},
		{"message, MessagePack", nil, []string{"--ack", "message", "--format", "msgpack"}},
		{"forward", []string{"--shared-key-file", "key"}, []string{"--ack", "forward", "--shared-key-file", "key"}},
		{"none", nil, []string{"--ack", "none"}},
	} {
		folder := t.TempDir()
		for file, line := range map[string]string{"token": "sesame-sesame-sesame", "key": "s3cret"} {
			require.NoError(t, os.WriteFile(filepath.Join(folder, file), []byte(line+"\n"), 0o600))
		}
		address := freeAddress(t)
		receiver := exec.CommandContext(t.Context(), beattest.Binary(t, "wsreceiver"),
			append([]string{"--listen", address, "--out", "records.ndjson", "--token-file", "token"}, row.receiver...)...)
		receiver.Dir = folder
		process, signal := beattest.StartSupervised(t, receiver)
		beattest.Eventually(t, patience, "wsreceiver listens", func() bool { return strings.Contains(process.Output(), "listening") })
		check := exec.CommandContext(t.Context(), beattest.Binary(t, "wscheck"), append([]string{"ws://" + address + "/ingest", "--bearer-token-file", "token",
			"--store-command", "cat records.ndjson", "--kill-command", signal("KILL")}, row.check...)...)
		check.Dir = folder
		names, checks = append(names, row.name), append(checks, check)
	}
	checkAll(t, names, checks, func(t *testing.T, _ int, o checkOutcome) {
		t.Helper()
		requireNoFault(t, o)
	})
}

// freeAddress returns one at which nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}
