// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package jetstream

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/receiver/sink/internal/route"
)

func TestParse(t *testing.T) {
	o, err := Parse("nats://one,[::1]:4223/logs.{agent.name}.{@peer.address}?create=true&replicas=3")
	require.NoError(t, err)
	require.Equal(t, Options{Servers: []string{"nats://one:4222", "nats://[::1]:4223"}, Subject: "logs.{agent.name}.{@peer.address}", Create: true, Replicas: 3}, o)
	for scheme, server := range map[string]string{"tls": "tls://h:4222", "ws": "ws://h:80", "wss": "wss://h:443"} {
		o, err := Parse(scheme + "://h/logs")
		require.NoError(t, err)
		require.Equal(t, []string{server}, o.Servers)
	}
	for url, want := range map[string]string{
		"nats://h":                              "subject is missing",
		"nats:///s":                             "HOST[:PORT]",
		"nats://h,/s":                           "HOST[:PORT]",
		"nats://user:secret@h/s":                "--out-credentials-file",
		"nats://h/a..b":                         "not valid",
		"nats://h/a.*":                          "not valid",
		"nats://h/a.>":                          "not valid",
		"nats://h/a b":                          "not valid",
		"nats://h/$JS.API":                      "belongs to NATS",
		"nats://h/_INBOX.a":                     "belongs to NATS",
		"nats://h/" + strings.Repeat("x", 1025): "longer than",
		"nats://h/s?replicas=3":                 "needs create=true",
		"nats://h/s?create=true&replicas=6":     "more than 5",
		"nats://h/s?tls=true":                   "not known",
	} {
		_, err := Parse(url)
		require.ErrorContains(t, err, want, url)
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestTheStreamOfASubject(t *testing.T) {
	for text, want := range map[string][2]string{
		"logs":                    {"logs", "logs"},
		"logs.web":                {"logs.web", "logs_web"},
		"logs.{agent.name}":       {"logs.*", "logs"},
		"logs.app-{agent.name}.x": {"logs.*.x", "logs"},
		"{agent.name}":            {"*", "records"},
	} {
		template, err := route.Parse(text)
		require.NoError(t, err)
		require.Equal(t, want, [2]string{filterOf(template), nameOf(filterOf(template))})
	}
}

func TestCredentials(t *testing.T) {
	user, err := nkeys.CreateUser()
	require.NoError(t, err)
	seed, err := user.Seed()
	require.NoError(t, err)
	public, err := user.PublicKey()
	require.NoError(t, err)
	const secret = "s3cr3t"
	for name, test := range map[string]struct {
		file   string
		server func(*server.Options)
	}{
		"user and password": {"user:" + secret + "\n", func(o *server.Options) { o.Username, o.Password = "user", secret }},
		"a token":           {secret, func(o *server.Options) { o.Authorization = secret }},
		"an nkey":           {string(seed), func(o *server.Options) { o.Nkeys = []*server.NkeyUser{{Nkey: public}} }},
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, test.server)
			file := filepath.Join(t.TempDir(), "credentials")
			require.NoError(t, os.WriteFile(file, []byte(test.file), 0o600))
			o, err := Parse("nats://" + s.Addr().String() + "/logs?create=true")
			require.NoError(t, err)
			o.CredentialsFile = file
			sink := openSink(t, o)
			store(t, sink, withID(1))

			require.NoError(t, os.WriteFile(file, []byte("an0ther"), 0o600))
			_, err = New(t.Context(), o)
			require.ErrorContains(t, err, "Authorization Violation")
			require.NotContains(t, err.Error(), "an0ther")
			require.NotContains(t, err.Error(), secret)
		})
	}
	for content, want := range map[string]string{
		"":                              "empty",
		"one\ntwo":                      "more than one line",
		"-----BEGIN NATS USER JWT-----": "user JWT",
		strings.Repeat("x", 64<<10+1):   "longer than 64 KiB",
	} {
		file := filepath.Join(t.TempDir(), "credentials")
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
		_, err := credentialsOf(file)
		require.ErrorContains(t, err, want)
	}
}
