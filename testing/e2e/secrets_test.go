// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
	"filebeat-websocket/testing/wstest"
)

// secretCase puts secrets into the environment, to which the settings refer. SERVER,
// SECURED and GATEWAY in the settings are replaced by addresses.
type secretCase struct {
	settings string
	secrets  map[string]string // by the name of the variable
	cause    string            // text that the log has to contain
	lost     bool              // no line arrives
}

// inEveryForm returns the forms in which a server may repeat a secret.
func inEveryForm(secret string) []string {
	forms := []string{secret, url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret)), "Bearer " + secret}
	if strings.Contains(secret, "pass") { // of the user me
		forms = append(forms, base64.StdEncoding.EncodeToString([]byte("me:"+secret)))
	}
	return forms
}

// echoes are faults of connections that repeat the secret.
func echoes(secrets map[string]string) (faults []wstest.Fault) {
	for _, secret := range secrets {
		for _, form := range inEveryForm(secret) {
			faults = append(faults,
				wstest.Fault{RefuseStatus: http.StatusBadRequest, RefuseBody: "you said " + form},
				wstest.Fault{NotHTTP: []byte(form + "\r\n\r\n")},
			)
		}
		faults = append(faults,
			wstest.Fault{RefuseStatus: http.StatusUnauthorized, RefuseBody: secret, RefuseHeader: http.Header{"Www-Authenticate": {secret}}},
			wstest.Fault{RefuseStatus: http.StatusFound, RefuseHeader: http.Header{"Location": {"http://elsewhere.example/?again=" + url.QueryEscape(secret)}}},
			wstest.Fault{CloseAtMessage: wstest.AtOpen, CloseCode: 1008, CloseReason: "not you: " + secret},
		)
	}
	for _, secret := range secrets {
		faults = append(faults, wstest.Fault{SendMessage: `{"nack": "` + secret + `"}`}) // it works otherwise
	}
	return faults
}

// No password, key or token is in a log at any level, on a terminal, in the
// metrics, or in what the commands of filebeat print, whatever a server repeats.
func TestSecretsAreNowhereToBeSeen(t *testing.T) {
	ca := beattest.NewCA(t)
	certificate, key := beattest.WriteKeyPair(t, t.TempDir(), ca.Issue("127.0.0.1"), "s3cret-phrase-of-a-key")
	tokenFile := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(tokenFile, []byte("s3cret-token-of-a-file\n"), 0o600))
	for name, c := range map[string]secretCase{
		"password":            {settings: `hosts: ["ws://SERVER/"], username: me, password: "${PASSWORD}"`, secrets: map[string]string{"PASSWORD": "s3cret-pass/word"}},
		"api_key":             {settings: `hosts: ["ws://SERVER/"], api_key: "${API_KEY}"`, secrets: map[string]string{"API_KEY": "id:s3cret-api-key"}},
		"bearer_token":        {settings: `hosts: ["ws://SERVER/"], bearer_token: "${TOKEN}"`, secrets: map[string]string{"TOKEN": "s3cret.bearer.token"}},
		"signs in front":      {settings: `hosts: ["ws://SERVER/"], bearer_token: "${TOKEN}", headers: {X-Key: "${HEADER}"}`, secrets: map[string]string{"TOKEN": ",[{'s3cret-token", "HEADER": "[:#@%s3cret-header"}},
		"signs at the end":    {settings: `hosts: ["ws://SERVER/"], bearer_token: "${TOKEN}", headers: {X-Key: "${HEADER}"}`, secrets: map[string]string{"TOKEN": "s3cret,to[k'en,", "HEADER": "s3cret hea{d:e#r@%"}},
		"bearer_token_file":   {settings: fmt.Sprintf(`hosts: ["ws://SERVER/"], bearer_token_file: %q`, tokenFile), secrets: map[string]string{"UNUSED": "s3cret-token-of-a-file"}},
		"headers, parameters": {settings: `hosts: ["ws://SERVER/"], headers: {X-Key: "${HEADER}"}, parameters: {key: "${PARAMETER}"}`, secrets: map[string]string{"HEADER": "s3cret-header-value", "PARAMETER": "s3cret parameter"}},
		"user of a host":      {settings: `hosts: ["ws://me:${PASSWORD}@SERVER/"]`, secrets: map[string]string{"PASSWORD": "s3cret-pass-of-a-host"}},
		"proxy":               {settings: `hosts: ["ws://SERVER/"], proxy_url: "http://me:${PROXY}@GATEWAY", proxy_headers: {X-Site: "${SITE}"}`, secrets: map[string]string{"PROXY": "s3cret-pass-of-a-proxy", "SITE": "s3cret-proxy-header"}, cause: "407 Proxy Authentication Required"},
		"TLS": {
			settings: fmt.Sprintf(`hosts: ["wss://SECURED/"], bearer_token: "${TOKEN}", ssl: {certificate: %q, key: %q, key_passphrase: "${PASSPHRASE}"}`, certificate, key),
			secrets:  map[string]string{"TOKEN": "s3cret.bearer.over.tls", "PASSPHRASE": "s3cret-phrase-of-a-key"}, cause: "unknown authority", lost: true,
		},
		"forward": {
			settings: `hosts: ["ws://SERVER/"], format: forward, timeout: 1s, forward: {shared_key: "${SHARED_KEY}", username: me, password: "${PASSWORD}"}`,
			secrets:  map[string]string{"SHARED_KEY": "s3cret-shared-key", "PASSWORD": "s3cret-of-forward"}, cause: "Failed to connect", lost: true,
		},
	} {
		for _, level := range []string{"debug", "info"} {
			t.Run(name+", "+level, func(t *testing.T) {
				t.Parallel()
				c.sweep(t, ca, level)
			})
		}
	}
}

func (c secretCase) sweep(t *testing.T, ca *beattest.CA, level string) {
	const lines = 1_000
	server := wstest.Start(t, wstest.WithFaults(echoes(c.secrets)...))
	secured, _ := startTLS(t, &tls.Config{Certificates: []tls.Certificate{*ca.Issue("127.0.0.1")}})
	gateway := beattest.StartGateway(t, beattest.GatewaySettings{Refuse: func(number int) int {
		if number <= 2 {
			return http.StatusProxyAuthRequired
		}
		return 0
	}})
	settings := strings.NewReplacer("SERVER", server.Addr(), "SECURED", secured.Addr(), "GATEWAY", gateway.Addr()).Replace(c.settings)
	setup := beattest.Setup{
		Dir:    t.TempDir(),
		Output: fmt.Sprintf("output.websocket: {%s, backoff: {init: 10ms, max: 20ms}}", settings),
		Extra:  "queue.mem.flush.timeout: 100ms",
	}
	for variable, secret := range c.secrets {
		setup.Env = append(setup.Env, variable+"="+secret)
	}
	beattest.AppendLines(t, setup.LogFile("a.log"), 1, lines)

	// First to files, and then what still goes to the terminal.
	args := []string{"-E", "logging.to_stderr=false", "-E", "logging.to_files=true", "-E", "logging.level=" + level}
	if level == "debug" {
		args = append(args, "-E", `logging.selectors=["*"]`)
	}
	filebeat := beattest.StartFilebeat(t, setup, args...)
	logs := func() string { return contents(t, filepath.Join(setup.Dir, "filebeat-logs")) }
	if c.lost {
		beattest.Eventually(t, patience, "the failure is logged", func() bool { return strings.Contains(logs(), c.cause) })
	} else {
		arrived(t, server, lines)
		require.Contains(t, logs(), "***", "the server has repeated the secret")
	}
	require.Contains(t, logs(), c.cause)
	seen := page(t, setup, "stats") + page(t, setup, "state")
	require.Contains(t, seen, "websocket")
	require.Zero(t, filebeat.Stop())
	seen += filebeat.Output() + logs()

	for _, command := range [][]string{{"test", "output"}, {"test", "config"}, {"export", "config"}} {
		printed, exitCode := runCommand(t, setup, append(command, "-E", "logging.level="+level)...)
		require.Equal(t, c.lost && command[1] == "output", exitCode != 0, printed)
		if command[0] == "export" {
			for variable := range c.secrets {
				require.Equal(t, strings.Contains(settings, "${"+variable+"}"), strings.Contains(printed, "${"+variable+"}"), "a reference is not resolved")
			}
		}
		seen += printed
	}
	for _, secret := range c.secrets {
		for _, form := range inEveryForm(secret) {
			if at := strings.Index(seen, form); at >= 0 {
				require.Failf(t, "a secret shows", "%q in: %s", form, seen[max(0, at-300):min(len(seen), at+200)])
			}
		}
	}
}

// contents returns the content of all files of a folder.
func contents(t *testing.T, folder string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // not yet
		}
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		all.Write(content)
		return err
	})
	require.NoError(t, err)
	return all.String()
}

// page returns a page of filebeat's HTTP endpoint.
func page(t *testing.T, setup beattest.Setup, name string) string {
	t.Helper()
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(setup.Dir, "http.sock"))
		},
	}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://filebeat/"+name, nil)
	require.NoError(t, err)
	response, err := client.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(body)
}

func TestCredentialsComeFromTheKeystore(t *testing.T) {
	const lines = 100
	server := wstest.Start(t)
	setup := beattest.Setup{Dir: t.TempDir(), Output: output(server.URL(), "  bearer_token: \"${INGEST_TOKEN}\"\n")}
	beattest.AppendLines(t, setup.LogFile("a.log"), 1, lines)

	printed, exitCode := runCommand(t, setup, "test", "config")
	require.NotZero(t, exitCode, "the key is not known yet")
	require.Contains(t, printed, "output.websocket.bearer_token")
	keystore := func(stdin string, args ...string) {
		command := exec.CommandContext(t.Context(), beattest.Binary(t, "filebeat"), append([]string{"-c", filepath.Join(setup.Dir, "filebeat.yml"), "keystore"}, args...)...)
		command.Stdin = strings.NewReader(stdin)
		said, err := command.CombinedOutput()
		require.NoError(t, err, "%s", said)
	}
	keystore("", "create", "--force")
	keystore("s3cret-of-the-keystore", "add", "INGEST_TOKEN", "--stdin", "--force")

	filebeat := beattest.StartFilebeat(t, setup)
	arrived(t, server, lines)
	require.Equal(t, "Bearer s3cret-of-the-keystore", server.Conns()[0].Request.Header.Get("Authorization"))
	exported, exitCode := runCommand(t, setup, "export", "config")
	require.Zero(t, exitCode)
	require.Contains(t, exported, "${INGEST_TOKEN}")
	require.Zero(t, filebeat.Stop())
	require.NotContains(t, exported+filebeat.Output(), "s3cret-of-the-keystore")
}
