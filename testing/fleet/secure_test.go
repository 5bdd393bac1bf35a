// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"crypto/tls"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"filebeat-websocket/testing/beattest"
)

const secret = "s3cr3t"

// door is what a receiver needs to get into an engine, and what it says without it.
type door struct {
	t     *testing.T
	out   string // --out
	flags map[string]string
}

func (d door) with(flag, value string) door {
	flags := map[string]string{}
	maps.Copy(flags, d.flags)
	flags[flag] = value
	if value == "" {
		delete(flags, flag)
	}
	d.flags = flags
	return d
}

func (d door) to(out string) door {
	d.out = out
	return d
}

func (d door) command() *exec.Cmd {
	args := []string{"--listen=127.0.0.1:0", "--out=" + d.out}
	for name, value := range d.flags {
		args = append(args, "--"+name+"="+value)
	}
	return exec.CommandContext(context.WithoutCancel(d.t.Context()), beattest.Binary(d.t, "wsreceiver"), args...)
}

// opens has a receiver store a record.
func (d door) opens() {
	d.t.Helper()
	p, url, err := beattest.OpenReceiver(d.command())
	require.NoError(d.t, err)
	defer p.Kill()
	request, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, strings.Replace(url, "ws://", "http://", 1), strings.NewReader(`{"message":"a line"}`))
	require.NoError(d.t, err)
	request.Header.Set("Content-Type", "application/x-ndjson")
	answer, err := http.DefaultClient.Do(request)
	require.NoError(d.t, err)
	require.NoError(d.t, answer.Body.Close())
	http.DefaultClient.CloseIdleConnections()
	require.Equal(d.t, http.StatusNoContent, answer.StatusCode)
	require.Zero(d.t, p.Stop())
	require.NotContains(d.t, p.Output(), secret)
}

// staysShut has a receiver end at its start with an error that names a flag.
func (d door) staysShut(flag string) {
	d.t.Helper()
	p := beattest.StartProcess(d.t, d.command())
	code := p.Wait(20 * time.Second) // a server that says nothing is tried for 10 s
	require.Equal(d.t, 1, code, p.Output())
	require.Contains(d.t, p.Output(), "wsreceiver: flag --"+flag+": ")
	require.NotContains(d.t, p.Output(), secret)
	d.t.Log(strings.TrimSpace(p.Output()))
}

func (d door) file(content string) string {
	name := filepath.Join(d.t.TempDir(), "credentials")
	require.NoError(d.t, os.WriteFile(name, []byte(content), 0o600))
	return name
}

// authority issues certificates for both sides.
type authority struct {
	*beattest.CA
	certificate, key string // of a client
}

func newAuthority(t *testing.T) authority {
	ca := beattest.NewCA(t)
	certificate, key := beattest.WriteKeyPair(t, t.TempDir(), ca.Issue("127.0.0.2"), "")
	return authority{ca, certificate, key}
}

// forClients wants a client certificate.
func (a authority) forClients() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*a.Issue("127.0.0.1")},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.Pool(),
	}
}

func startNode(t *testing.T, change func(*server.Options)) *server.Server {
	t.Helper()
	options := &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true}
	change(options)
	node, err := server.NewServer(options)
	require.NoError(t, err)
	node.Start()
	t.Cleanup(func() {
		node.Shutdown()
		node.WaitForShutdown()
	})
	require.True(t, node.ReadyForConnections(patience))
	return node
}

const createLogs = "/" + subject + "?create=true"

func TestNATSOpensOnlyToTheRightSettings(t *testing.T) {
	t.Parallel()
	ours, others := newAuthority(t), newAuthority(t)
	node := startNode(t, func(o *server.Options) {
		o.TLS, o.TLSVerify, o.TLSConfig, o.TLSTimeout = true, true, ours.forClients(), 5
		o.Username, o.Password = "user", secret
		o.Websocket = server.WebsocketOpts{Host: "127.0.0.1", Port: server.RANDOM_PORT, TLSConfig: ours.forClients()}
	})
	address, web := node.Addr().String(), node.WebsocketURL()
	d := door{t: t, out: "tls://" + address + createLogs}
	d = d.with("out-ca", ours.File).with("out-cert", ours.certificate).with("out-key", ours.key).with("out-credentials-file", d.file("user:"+secret))
	d.opens()
	d.to(web + createLogs).opens()
	for _, out := range []string{d.out, web + createLogs} {
		d := d.to(out)
		d.with("out-ca", "").staysShut("out-ca")
		d.with("out-ca", others.File).staysShut("out-ca")
		d.with("out-cert", "").with("out-key", "").staysShut("out-cert")
		d.with("out-cert", others.certificate).with("out-key", others.key).staysShut("out-cert")
		d.with("out-credentials-file", "").staysShut("out-credentials-file")
		d.with("out-credentials-file", d.file("user:other"+secret)).staysShut("out-credentials-file")
	}
	d.with("out-ca", ours.key).staysShut("out-ca") // not a certificate
	d.with("out-cert", ours.certificate).with("out-key", others.key).staysShut("out-cert")
	d.with("out-credentials-file", d.file("")).staysShut("out-credentials-file")
	d.with("out-credentials-file", d.file("user:"+secret+"\nuser:"+secret)).staysShut("out-credentials-file")
	d.with("out-credentials-file", filepath.Join(t.TempDir(), "missing")).staysShut("out-credentials-file")
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	d.to("tls://localhost:" + port + createLogs).staysShut("out") // it has no certificate for that name
	d.to("tls://" + address + "/others").staysShut("out")         // no such stream
}

func TestNATSWithoutTLSOpensOnlyToTheRightSettings(t *testing.T) {
	t.Parallel()
	node := startNode(t, func(o *server.Options) {
		o.Authorization = secret
		o.Websocket = server.WebsocketOpts{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoTLS: true}
	})
	d := door{t: t, out: node.ClientURL() + createLogs}
	d = d.with("out-credentials-file", d.file(secret))
	d.opens()
	d.to(node.WebsocketURL() + createLogs).opens()
	d.with("out-credentials-file", d.file("other"+secret)).staysShut("out-credentials-file")
	d.to("tls://" + node.Addr().String() + createLogs).staysShut("out")
	d.to("kafka://"+node.Addr().String()+"/"+subject).with("out-credentials-file", d.file("user:"+secret)).staysShut("out-credentials-file") // no ?sasl

	user, err := nkeys.CreateUser()
	require.NoError(t, err)
	node = startNode(t, func(o *server.Options) {
		public, err := user.PublicKey()
		require.NoError(t, err)
		o.Nkeys = []*server.NkeyUser{{Nkey: public, Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{"$JS.API.STREAM.NAMES"}}}}}
	})
	seed, err := user.Seed()
	require.NoError(t, err)
	another, err := nkeys.CreateUser()
	require.NoError(t, err)
	wrong, err := another.Seed()
	require.NoError(t, err)
	d = d.to(node.ClientURL() + createLogs)
	d.with("out-credentials-file", d.file(string(wrong))).staysShut("out-credentials-file")
	p := beattest.StartProcess(t, d.with("out-credentials-file", d.file(string(seed))).command())
	require.Equal(t, 1, p.Wait(patience))
	require.Contains(t, p.Output(), "flag --out-credentials-file: look for the stream of subject logs: nats: ")
	require.Contains(t, strings.ToLower(p.Output()), `permissions violation for publish to "$js.api.stream.names"`)
	require.NotContains(t, p.Output(), string(seed))
}

// TestNATSOpensToACredsFile has a server with an operator, as nsc sets it up.
func TestNATSOpensToACredsFile(t *testing.T) {
	t.Parallel()
	operator, err := nkeys.CreateOperator()
	require.NoError(t, err)
	resolver := &server.MemAccResolver{}
	system, _ := accountOf(t, operator, resolver, jwt.JetStreamLimits{})
	_, account := accountOf(t, operator, resolver, jwt.JetStreamLimits{MemoryStorage: jwt.NoLimit, DiskStorage: jwt.NoLimit, Streams: jwt.NoLimit, Consumer: jwt.NoLimit})
	node := startNode(t, func(o *server.Options) {
		public, err := operator.PublicKey()
		require.NoError(t, err)
		token, err := jwt.NewOperatorClaims(public).Encode(operator)
		require.NoError(t, err)
		claims, err := jwt.DecodeOperatorClaims(token)
		require.NoError(t, err)
		o.TrustedOperators, o.AccountResolver, o.SystemAccount = []*jwt.OperatorClaims{claims}, resolver, system
	})
	d := door{t: t, out: node.ClientURL() + createLogs}
	d.with("out-credentials-file", d.file(credsOf(t, account))).opens()
	stranger, err := nkeys.CreateAccount()
	require.NoError(t, err)
	d.with("out-credentials-file", d.file(credsOf(t, stranger))).staysShut("out-credentials-file")
	whole := credsOf(t, account)
	d.with("out-credentials-file", d.file(whole[:strings.Index(whole, "BEGIN USER NKEY SEED")])).staysShut("out-credentials-file")
}

// accountOf makes an account that the server will find.
func accountOf(t *testing.T, operator nkeys.KeyPair, resolver *server.MemAccResolver, limits jwt.JetStreamLimits) (name string, account nkeys.KeyPair) {
	t.Helper()
	account, err := nkeys.CreateAccount()
	require.NoError(t, err)
	name, err = account.PublicKey()
	require.NoError(t, err)
	claims := jwt.NewAccountClaims(name)
	claims.Limits.JetStreamLimits = limits
	token, err := claims.Encode(operator)
	require.NoError(t, err)
	require.NoError(t, resolver.Store(name, token))
	return name, account
}

// credsOf returns the content of a .creds file for a user of an account.
func credsOf(t *testing.T, account nkeys.KeyPair) string {
	t.Helper()
	user, err := nkeys.CreateUser()
	require.NoError(t, err)
	public, err := user.PublicKey()
	require.NoError(t, err)
	token, err := jwt.NewUserClaims(public).Encode(account)
	require.NoError(t, err)
	seed, err := user.Seed()
	require.NoError(t, err)
	content, err := jwt.FormatUserConfig(token, seed)
	require.NoError(t, err)
	return string(content)
}

func TestKafkaOpensOnlyToTheRightSettings(t *testing.T) {
	t.Parallel()
	ours, others := newAuthority(t), newAuthority(t)
	secured, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, subject), kfake.TLS(ours.forClients()), kfake.EnableSASL(),
		kfake.Superuser("PLAIN", "user", secret), kfake.Superuser("SCRAM-SHA-256", "user", secret), kfake.Superuser("SCRAM-SHA-512", "user", secret))
	require.NoError(t, err)
	t.Cleanup(secured.Close)
	d := door{t: t}
	d = d.with("out-ca", ours.File).with("out-cert", ours.certificate).with("out-key", ours.key).with("out-credentials-file", d.file("user:"+secret))
	base := "kafka://" + secured.ListenAddrs()[0] + "/" + subject
	mechanisms := []string{"plain", "scram-sha-256", "scram-sha-512"}
	for _, mechanism := range mechanisms {
		d.to(base + "?tls=true&sasl=" + mechanism).opens()
	}
	d = d.to(base + "?tls=true&sasl=plain")
	d.with("out-ca", "").staysShut("out-ca")
	d.with("out-ca", others.File).staysShut("out-ca")
	d.with("out-cert", "").with("out-key", "").staysShut("out-cert")
	d.with("out-cert", others.certificate).with("out-key", others.key).staysShut("out-cert")
	d.with("out-credentials-file", "").staysShut("out-credentials-file")
	d.with("out-credentials-file", d.file(secret)).staysShut("out-credentials-file")
	d.to(strings.Replace(base, "127.0.0.1", "localhost", 1) + "?tls=true&sasl=plain").staysShut("out")
	// kfake closes the connection after wrong credentials; brokers say so.
	secured.ControlKey(int16(kmsg.SASLAuthenticate), func(request kmsg.Request) (kmsg.Response, error, bool) {
		secured.KeepControl()
		answer, _ := request.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		answer.ErrorCode = kerr.SaslAuthenticationFailed.Code
		return answer, nil, true
	})
	for _, mechanism := range mechanisms {
		d.to(base+"?tls=true&sasl="+mechanism).with("out-credentials-file", d.file("user:other"+secret)).staysShut("out-credentials-file")
	}

	plain, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, subject))
	require.NoError(t, err)
	t.Cleanup(plain.Close)
	d = door{t: t, out: "kafka://" + plain.ListenAddrs()[0] + "/" + subject}
	d.opens()
	d.to(d.out + "?tls=true").staysShut("out")
	d.to("kafka://" + plain.ListenAddrs()[0] + "/others").staysShut("out")
	d.to("kafka://" + plain.ListenAddrs()[0] + "/others?create=true").opens()
}
