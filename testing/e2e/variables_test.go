// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
	"filebeat-websocket/testing/wstest"
)

// oddSecrets begin with, contain and end with each sign that configuration parsers
// look for, or look like numbers.
func oddSecrets() []string {
	secrets := []string{"0123456", "1e5", "0x1F", "1.10", "12345678901234567890123", "null", "true", "${s3cret}", `'s3c"r\et,x`}
	for _, sign := range []string{",", "[", `"`, "'", "{", ":", "#", "@", "%", " "} {
		secrets = append(secrets, sign+"s3cret-word", "s3cret"+sign+"word", "s3cret-word"+sign)
	}
	return secrets
}

// inKeystore puts a secret into the keystore of a Beat.
func inKeystore(t *testing.T, setup beattest.Setup, name, secret string) {
	t.Helper()
	for _, args := range [][]string{{"create", "--force"}, {"add", name, "--stdin", "--force"}} {
		command := exec.CommandContext(t.Context(), beattest.Binary(t, "filebeat"), append([]string{"-c", filepath.Join(setup.Dir, "filebeat.yml"), "keystore"}, args...)...)
		command.Stdin = strings.NewReader(secret)
		said, err := command.CombinedOutput()
		require.NoError(t, err, "%s", said)
	}
}

func TestSecretsThatLookLikeSomethingElseArriveAsWritten(t *testing.T) {
	for number, secret := range oddSecrets() { // whose names would stand in the paths
		for _, place := range []string{"environment", "keystore"} {
			t.Run(fmt.Sprint(place, number), func(t *testing.T) {
				t.Parallel()
				server := wstest.Start(t)
				setup := beattest.Setup{Dir: t.TempDir(), Output: output(server.URL(), `  username: me
  password: "${V_SECRET}"
  headers: {X.Key: "${V_SECRET}x"}
  parameters: {agent.key: "${V_SECRET}"}
  ssl.key_passphrase: "${V_SECRET}"
`)}
				if place == "environment" {
					setup.Env = []string{"V_SECRET=" + secret}
				} else {
					runCommand(t, setup, "test", "config") // writes the files
					inKeystore(t, setup, "V_SECRET", secret)
				}
				printed, exitCode := runCommand(t, setup, "test", "output")
				require.Zero(t, exitCode, printed)
				request := server.Conns()[0].Request
				_, password, _ := request.BasicAuth()
				require.Equal(t, secret, password)
				require.Equal(t, secret, request.URL.Query().Get("agent.key"))
				require.Equal(t, strings.TrimSpace(secret+"x"), request.Header.Get("X.Key")) // HTTP has no space in front
				if strings.Contains(secret, "s3cret") {
					require.NotContains(t, printed, "s3cret")
				}
			})
		}
	}
}

func TestErrorsAtTheStartKeepOddSecrets(t *testing.T) {
	for number, secret := range oddSecrets() {
		if !strings.Contains(secret, "s3cret") {
			continue
		}
		t.Run(fmt.Sprint(number), func(t *testing.T) {
			t.Parallel()
			for _, settings := range []string{
				`hosts: "${V_HOSTS}"`, `hosts: ["wss://me:${V_SECRET}@127.0.0.1:1/"]`, `hosts: ["ws://127.0.0.1:1/"], bearer_token: "'${V_SECRET}"`,
				`hosts: ["wss://127.0.0.1:1/"], workers: "${V_SECRET}"`, `hosts: ["ws://127.0.0.1:1/"], proxy_url: "http://me:${V_SECRET}@127.0.0.1:1"`,
			} {
				setup := beattest.Setup{Dir: t.TempDir(), Output: "output.websocket: {" + settings + "}", Env: []string{"V_SECRET=" + secret, "V_HOSTS=wss://me:" + secret + "@127.0.0.1:1/"}}
				printed, exitCode := runCommand(t, setup, "test", "output")
				require.NotZero(t, exitCode, printed)
				require.NotContains(t, printed, "s3cret", settings)
			}
		})
	}
}

// A pipe can be read once. The configuration was read a second time for the queue at
// the top level.
func TestConfigurationFromAPipeKeepsItsQueue(t *testing.T) {
	setup := beattest.Setup{Dir: t.TempDir(), Output: output("ws://127.0.0.1:1/", ""), Extra: "queue.disk.max_size: 100MB"}
	_, exitCode := runCommand(t, setup, "test", "config") // writes the files
	require.Zero(t, exitCode)
	file, err := os.Open(filepath.Join(setup.Dir, "filebeat.yml"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = file.Close() })
	command := exec.CommandContext(t.Context(), beattest.Binary(t, "filebeat"), "-e", "--strict.perms=false", "-c", "/dev/stdin", "--path.home", setup.Dir)
	command.Stdin = struct{ io.Reader }{file} // a pipe, not the file
	filebeat := beattest.StartProcess(t, command)
	// Before that line a SIGTERM ends the process at once.
	_, err = filebeat.Await(regexp.MustCompile("filebeat start running"), patience)
	require.NoError(t, err)
	require.Contains(t, filebeat.Output(), "publisher.diskqueue")
	require.Zero(t, filebeat.Stop())
}

// libbeat's disk queue cannot read back an event with an empty key, and skips what is
// behind it.
func TestDiskQueueKeepsEventsWithEmptyKeys(t *testing.T) {
	const lines = 2_000
	server := wstest.Start(t)
	setup := beattest.Setup{
		Dir: t.TempDir(), Output: output(server.URL(), ""),
		Extra: "queue.disk.max_size: 100MB\nprocessors: [{decode_json_fields: {fields: [message], target: decoded}}]",
	}
	var text strings.Builder
	for seq := 1; seq <= lines; seq++ {
		key := "key"
		if seq == lines/4 {
			key = ""
		}
		fmt.Fprintf(&text, "{%q:{\"text\":\"seq=%d \"}}\n", key, seq)
	}
	require.NoError(t, os.MkdirAll(filepath.Join(setup.Dir, "logs"), 0o755))
	require.NoError(t, os.WriteFile(setup.LogFile("a.log"), []byte(text.String()), 0o600))
	filebeat := beattest.StartFilebeat(t, setup)
	arrived(t, server, lines)
	require.Equal(t, 1, filebeat.Stat("libbeat.output.websocket.queue.renamed_keys"))
	require.Zero(t, filebeat.Stop())
}
