// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/elastic/elastic-agent-libs/logp"
	"github.com/elastic/elastic-agent-libs/monitoring"

	"filebeat-websocket/outputs/websocket/internal/retry"
	"filebeat-websocket/testing/wstest"
)

func base64Of(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func TestUpgradeRequestCarriesTheCredentials(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte("from-a-file\n"), 0o600))
	for yaml, want := range map[string]string{
		`{}`:                                "",
		`{username: me, password: "p:w"}`:   "Basic " + base64Of("me:p:w"),
		`{username: me}`:                    "Basic " + base64Of("me:"),
		`{username: me, password: "12345"}`: "Basic " + base64Of("me:12345"),
		`api_key: "id:key"`:                 "ApiKey " + base64Of("id:key"),
		`bearer_token: a.b.c`:               "Bearer a.b.c",
		`bearer_token_file: ` + token:       "Bearer from-a-file",
		`headers: {authorization: "Own x"}`: "Own x",
	} {
		t.Run(yaml, func(t *testing.T) {
			server := wstest.Start(t)
			f := newFixture(t, yaml, server)
			require.NoError(t, f.client.Connect())
			require.Equal(t, want, server.Conns()[0].Request.Header.Get("Authorization"))
		})
	}
}

func TestUserOfAURLIsForItsHost(t *testing.T) {
	first, second := wstest.Start(t), wstest.Start(t)
	f := newFixture(t, fmt.Sprintf(`hosts: ["ws://us%%65r:p%%40ss%%3A@%s/", %q]`, first.Addr(), second.URL()))
	for _, each := range f.group.Clients {
		outer, ok := each.(*retry.Quiet)
		require.True(t, ok)
		require.NoError(t, outer.Connect())
		require.NotContains(t, outer.String(), "ss")
	}
	require.Equal(t, "Basic "+base64Of("user:p@ss:"), first.Conns()[0].Request.Header.Get("Authorization"))
	require.Empty(t, second.Conns()[0].Request.Header.Get("Authorization"))
}

func TestTokenFileIsReadForEveryDial(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	server := wstest.Start(t)
	f := newFixture(t, "bearer_token_file: "+file, server)
	require.ErrorContains(t, f.client.Connect(), "output.websocket.bearer_token_file: open "+file+": no such file")
	for _, bad := range []struct{ content, want string }{
		{"", "is empty"},
		{" \n", "is empty"},
		{"hunter2\nhunter2", "contains a byte that is not allowed in a header"},
		{strings.Repeat("hunter2", maxTokenBytes), "is longer than"},
	} {
		require.NoError(t, os.WriteFile(file, []byte(bad.content), 0o600))
		err := f.client.Connect()
		require.ErrorContains(t, err, "output.websocket.bearer_token_file: "+file+" "+bad.want)
		require.NotContains(t, err.Error(), "hunter2")
	}
	for i, content := range []string{"old", "new\n", "windows\r\n"} {
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
		require.NoError(t, f.client.Connect())
		require.Equal(t, "Bearer "+strings.TrimSpace(content), server.Conns()[i].Request.Header.Get("Authorization"))
	}
}

func TestCredentialErrorsNameTheSettingAndKeepTheSecret(t *testing.T) {
	for yaml, want := range map[string]string{
		`{hosts: [h], username: me, api_key: "hunter2"}`:                                "output.websocket.username: does not go with api_key: set only one kind",
		`{hosts: [h], api_key: "a:hunter2", bearer_token: hunter2}`:                     "output.websocket.api_key: does not go with bearer_token",
		`{hosts: [h], bearer_token: hunter2, bearer_token_file: /x}`:                    "output.websocket.bearer_token: does not go with bearer_token_file",
		`{hosts: [h], bearer_token_file: /x, headers: {authorization: hunter2}}`:        "output.websocket.bearer_token_file: does not go with headers.authorization",
		`{hosts: [h], username: me, password: hunter2, headers: {Authorization: x}}`:    "output.websocket.username: does not go with headers.Authorization",
		`{hosts: [h], password: hunter2}`:                                               "output.websocket.password: needs a username",
		`{hosts: [h], username: "me:hunter2"}`:                                          "output.websocket.username: must not contain a colon",
		`{hosts: [h], username: me, password: "hunter2\n"}`:                             "output.websocket.password: contains a byte",
		`{hosts: [h], username: "me\rhunter2"}`:                                         "output.websocket.username: contains a byte",
		`{hosts: [h], api_key: "a:hunter2\r\nX: y"}`:                                    "output.websocket.api_key: contains a byte",
		`{hosts: [h], bearer_token: "hunter2\n"}`:                                       "output.websocket.bearer_token: contains a byte",
		`{hosts: [h], bearer_token: [hunter2, hunter2]}`:                                "output.websocket.bearer_token",
		`{hosts: [h], api_key: {hunter2: hunter2}}`:                                     "output.websocket.api_key",
		`{hosts: ["ws://me:hunter2@h"], username: me}`:                                  "output.websocket.hosts: entry 1: a user in the URL does not go with username",
		`{hosts: ["ws://me:hunter2@h"], bearer_token: hunter2}`:                         "output.websocket.hosts: entry 1: a user in the URL does not go with bearer_token",
		`{hosts: [g, "ws://me:hunter2@h"], headers: {Authorization: "Bearer hunter2"}}`: "output.websocket.hosts: entry 2: a user in the URL does not go with headers.Authorization",
		`{hosts: ["ws://:hunter2@h"]}`:                                                  "output.websocket.hosts: entry 1: the user in the URL has no name",
		`{hosts: ["ws://m%3Ae:hunter2@h"]}`:                                             "output.websocket.hosts: entry 1: the name of the user in the URL must not contain a colon",
		`{hosts: ["ws://me:hunter2%0A@h"]}`:                                             "output.websocket.hosts: entry 1: the user in the URL contains a byte",
		`{addr: "ws://me:hunter2@h", username: me}`:                                     "output.websocket.addr: entry 1: a user in the URL does not go with username",
	} {
		t.Run(yaml, func(t *testing.T) {
			_, err := readConfig(configFrom(t, yaml))
			require.ErrorContains(t, err, want)
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}

// observeLogs returns a func that returns all that was logged, at any level.
func observeLogs(t *testing.T) func() string {
	t.Helper()
	require.NoError(t, logp.DevelopmentSetup(logp.ToObserverOutput(), logp.WithLevel(logp.DebugLevel), logp.WithSelectors("*")))
	t.Cleanup(func() { require.NoError(t, logp.DevelopmentSetup(logp.ToDiscardOutput())) })
	return func() string {
		var text strings.Builder
		for _, entry := range logp.ObserverLogs().All() {
			fmt.Fprintln(&text, entry.Level, entry.Message, entry.ContextMap())
		}
		return text.String()
	}
}

func TestCredentialsInTheClearAreWarnedOfOnce(t *testing.T) {
	for yaml, warnings := range map[string]int{
		`{hosts: ["logs.example.com"], bearer_token: abc, workers: 3}`:                            1,
		`{hosts: ["10.0.0.1", "10.0.0.2"], username: me}`:                                         1,
		`{hosts: ["localhost", "10.0.0.2"], api_key: "a:b"}`:                                      1,
		`{hosts: ["ws://me:pw@10.0.0.2"]}`:                                                        1,
		`{hosts: ["wss://g", "ws://h"], headers: {cookie: "session=1"}}`:                          1,
		`{hosts: ["h"], headers: {authorization: "Own x"}}`:                                       1,
		`{hosts: ["wss://h"], bearer_token: abc}`:                                                 0,
		`{hosts: ["wss://me:pw@h", "ws://10.0.0.2"]}`:                                             0,
		`{hosts: ["localhost", "127.0.0.2", "[::1]", "LOCALHOST.", "a.localhost"], username: me}`: 0,
		`{hosts: ["h"], headers: {X-Site: north}}`:                                                0,
	} {
		t.Run(yaml, func(t *testing.T) {
			logged := observeLogs(t)
			newFixture(t, yaml)
			require.Equal(t, warnings, strings.Count(logged(), "without encryption"))
		})
	}
}

// Secrets of the sweep, with characters that every encoding has to escape.
const (
	plantedPassword = `pa"ss&w=rd/é`
	plantedKey      = "planted-id:planted-key"
	plantedToken    = "planted.bearer.token"
	plantedHeader   = "planted-header-value"
	plantedQuery    = "planted query/value"
)

// planted returns settings with secrets, and for each the forms of its secrets
// that must not be seen.
func planted(t *testing.T) map[string][]string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte(plantedToken+"\n"), 0o600))
	inURL := url.UserPassword("me", plantedPassword).String()
	_, passwordInURL, _ := strings.Cut(inURL, ":")
	basicForms := []string{"Basic " + base64Of("me:"+plantedPassword), base64Of("me:" + plantedPassword), "me:" + plantedPassword, plantedPassword, passwordInURL, url.QueryEscape(plantedPassword)}
	return map[string][]string{
		fmt.Sprintf("username: me\npassword: %q", plantedPassword): basicForms,
		fmt.Sprintf(`hosts: ["ws://%s@SERVER/"]`, inURL):           basicForms,
		`api_key: "` + plantedKey + `"`:                            {"ApiKey " + base64Of(plantedKey), base64Of(plantedKey), plantedKey, "planted-key"},
		`bearer_token: ` + plantedToken:                            {"Bearer " + plantedToken, plantedToken},
		`bearer_token_file: ` + file:                               {"Bearer " + plantedToken, plantedToken},
		`headers: {X-Api-Key: ` + plantedHeader + `}`:              {plantedHeader},
		`headers: {Cookie: "a=b; session=` + plantedHeader + `"}`:  {"a=b; session=" + plantedHeader, plantedHeader},
		`parameters: {key: "` + plantedQuery + `"}`:                {plantedQuery, url.QueryEscape(plantedQuery), "/?key=" + url.QueryEscape(plantedQuery), url.PathEscape(plantedQuery)},
		`hosts: ["ws://SERVER/?key=planted%20query%2Fvalue"]`:      {plantedQuery, "planted%20query%2Fvalue"},
		`hosts: ["ws://SERVER/?` + plantedToken + `"]`:             {plantedToken},
	}
}

// unseen are the parts of the planted secrets that nothing may show.
var unseen = []string{
	plantedPassword, `ss&w`, `ss%26w`, "planted-key", plantedToken, plantedHeader, plantedQuery, "query%2Fvalue", "query/value",
	base64Of("me:" + plantedPassword), base64Of(plantedKey), strings.TrimRight(base64Of(plantedKey), "="),
}

// Whatever a server repeats, no secret is in an error, a log line at any level,
// a metric or the name of the client.
func TestSecretsNeverShow(t *testing.T) {
	for yaml, forms := range planted(t) {
		var faults []wstest.Fault
		for _, form := range forms {
			faults = append(faults,
				wstest.Fault{NotHTTP: []byte("HTTP/1.1 401 " + form + "\r\nContent-Length: 0\r\n\r\n")},
				wstest.Fault{NotHTTP: []byte(form + " is what you say\r\n\r\n")},
				wstest.Fault{NotHTTP: []byte("HTTP/1.1 101 Switching Protocols\r\n" + form + "\r\n\r\n")},
				wstest.Fault{RefuseStatus: 403, RefuseBody: "you said " + form},
				wstest.Fault{RefuseStatus: 403, RefuseBody: strings.Repeat(form, 2000/len(form))},
				wstest.Fault{RefuseStatus: 302, RefuseHeader: map[string][]string{"Location": {"http://h/?again=" + form}}},
				wstest.Fault{CloseAtMessage: wstest.AtOpen, CloseCode: 1008, CloseReason: "no: " + form},
			)
		}
		t.Run(yaml, func(t *testing.T) {
			logged := observeLogs(t)
			server := wstest.Start(t, wstest.WithFaults(faults...))
			f := newFixture(t, strings.ReplaceAll(yaml, "SERVER", server.Addr()), server)
			waiting, ok := f.client.(*retry.Waiting)
			require.True(t, ok)
			shown := f.client.String()
			for range faults {
				err := waiting.Prover.Connect() // without the wait
				require.Error(t, err)
				shown += "\n" + err.Error() + fmt.Sprintf("\n%q", err)
			}
			require.NoError(t, waiting.Prover.Connect())
			shown += logged() + fmt.Sprint(monitoring.CollectFlatSnapshot(f.shared.registry, monitoring.Full, true))
			require.Greater(t, strings.Count(shown, "***"), 5*len(forms), "the server has repeated them")
			for _, secret := range unseen {
				require.NotContains(t, shown, secret)
			}
		})
	}
}

func TestSecretsInAVerdictNeverShow(t *testing.T) {
	for yaml, forms := range planted(t) {
		for _, form := range forms {
			for name, fault := range map[string]wstest.Fault{
				"nack":      {NackAtMessage: 1, NackReason: form},
				"malformed": {MalformedAcks: []string{form, fmt.Sprintf(`{"nack":1,"reason":7,"x":%q}`, form), `{"ack":"` + form + `"}`}},
				"close":     {CloseAtMessage: 1, CloseCode: 1003, CloseReason: form},
			} {
				t.Run(name+" "+form, func(t *testing.T) {
					logged := observeLogs(t)
					server := wstest.Start(t, wstest.WithSubprotocols("filebeat.ack.v1"), wstest.WithFaults(fault))
					f := newFixture(t, strings.ReplaceAll(yaml, "SERVER", server.Addr())+"\nack: message", server)
					require.NoError(t, f.client.Connect())
					batch, signals := f.batch(1, 1)
					require.NoError(t, f.client.Publish(context.Background(), batch))
					awaitSignal(t, signals)
					batch, _ = f.batch(2, 2) // an event that is settled is not sent again
					err := f.client.Publish(context.Background(), batch)
					shown := logged() + fmt.Sprint(err)
					for _, secret := range unseen {
						require.NotContains(t, shown, secret)
					}
				})
			}
		}
	}
}
