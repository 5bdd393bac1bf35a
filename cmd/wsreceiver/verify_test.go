// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/sink/jetstream"
	"filebeat-websocket/receiver/verify"
	"filebeat-websocket/testing/beattest"
)

// landOne writes a log of three lines, of which the second has not landed.
func landOne(t *testing.T) (landed, source string) {
	t.Helper()
	folder := t.TempDir()
	landed, source = filepath.Join(folder, "records.ndjson"), filepath.Join(folder, "a.log")
	require.NoError(t, os.WriteFile(source, []byte("one\n"+strings.Repeat("é", 100)+"\nthree\n"), 0o600))
	require.NoError(t, os.WriteFile(landed, fmt.Appendf(nil, `{"log":{"offset":0,"file":{"path":%[1]q}}}
{"log":{"offset":205,"file":{"path":%[1]q}}}
`, source), 0o600))
	return landed, source
}

func TestVerifyPrintsWhatIsMissing(t *testing.T) {
	landed, source := landOne(t)
	code, stdout, stderr := runToEnd(t, "verify", "--landed", landed, "--show-lines", source)
	require.Equal(t, exitDiffers, code)
	require.Empty(t, stderr)
	require.Equal(t, fmt.Sprintf("%s: missing: 1 line at bytes 4 to 205\n    %q\n3 lines in 1 file, 2 records: 1 missing, 0 double, 0 out of order\n", source, strings.Repeat("é", 80)), stdout)

	code, stdout, _ = runToEnd(t, "verify", "--landed", landed, "--json", source)
	require.Equal(t, exitDiffers, code)
	lines := strings.Split(stdout, "\n")
	require.Len(t, lines, 3)
	require.JSONEq(t, fmt.Sprintf(`{"kind":"missing","file":%q,"from":4,"to":205,"lines":1}`, source), lines[0])
	var summary map[string]any
	require.NoError(t, json.Unmarshal([]byte(lines[1]), &summary))
	require.Equal(t, false, summary["ok"])
	require.EqualValues(t, 1, summary["missing"])

	require.NoError(t, os.WriteFile(source, []byte("one\n"), 0o600))
	require.NoError(t, os.WriteFile(landed, fmt.Appendf(nil, `{"log":{"offset":0,"file":{"path":%q}}}`+"\n", source), 0o600))
	code, stdout, _ = runToEnd(t, "verify", "--landed", filepath.Dir(landed), filepath.Join(filepath.Dir(source), "*.log"))
	require.Equal(t, exitDiffers, code, "the folder has the log, too, which is not JSON: %s", stdout)
	code, stdout, _ = runToEnd(t, "verify", "--landed", landed, filepath.Join(filepath.Dir(source), "*.log"))
	require.Equal(t, exitOK, code, stdout)
}

// TestVerifyReadsAStreamBack has a NATS server with users and TLS.
func TestVerifyReadsAStreamBack(t *testing.T) {
	ca := beattest.NewCA(t)
	caFile := write(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Certificate().Raw})))
	options := &server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
		Username: "reader", Password: "nobody may see it", TLSConfig: &tls.Config{Certificates: []tls.Certificate{*ca.Issue("127.0.0.1")}},
	}
	s, err := server.NewServer(options)
	require.NoError(t, err)
	s.Start()
	require.True(t, s.ReadyForConnections(10*time.Second))
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	credentials := write(t, "credentials", "reader:nobody may see it\n")
	url := "tls://" + s.Addr().String() + "/logs.{agent.name}"

	_, source := landOne(t)
	o, err := jetstream.Parse(url + "?create=true")
	require.NoError(t, err)
	o.CredentialsFile, o.TLS = credentials, &tls.Config{RootCAs: ca.Pool()}
	sink, err := jetstream.New(t.Context(), o)
	require.NoError(t, err)
	var records [][]byte
	for i, offset := range []int{0, 205, 0} {
		records = append(records, fmt.Appendf(nil, `{"agent":{"name":"web-%d"},"log":{"offset":%d,"file":{"path":%q}}}`, i, offset, source))
	}
	require.NoError(t, sink.Consume(t.Context(), &receiver.Message{Format: "json", Records: records}))
	require.NoError(t, sink.Commit(t.Context()))
	require.NoError(t, sink.Close())

	args := []string{"verify", "--out-credentials-file", credentials, "--out-ca", caFile, "--landed", url, source}
	code, stdout, stderr := runToEnd(t, args...)
	require.Equal(t, exitDiffers, code, stderr)
	require.Empty(t, stderr)
	require.Equal(t, fmt.Sprintf("%[1]s: missing: 1 line at bytes 4 to 205\n%[1]s: double: 1 line at bytes 0 to 4 (stream logs:3)\n"+
		"3 lines in 1 file, 3 records: 1 missing, 1 double, 0 out of order\n", source), stdout)

	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"without credentials":    {[]string{"--out-ca", caFile, "--landed", url}, "flag --out-credentials-file: "},
		"a server nobody trusts": {[]string{"--out-credentials-file", credentials, "--landed", url}, "flag --out-ca: "},
		"another subject":        {[]string{"--out-credentials-file", credentials, "--out-ca", caFile, "--landed", strings.Replace(url, "logs", "none", 1)}, "flag --landed: no stream takes subject none.*"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := runToEnd(t, append(append([]string{"verify"}, test.args...), source)...)
			require.Equal(t, exitTrouble, code)
			require.Empty(t, stdout)
			require.Contains(t, stderr, test.want)
			require.NotContains(t, stderr, options.Password)
		})
	}
}

func TestVerifyNamesWhatItCannotUse(t *testing.T) {
	landed, source := landOne(t)
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"nothing landed":                {[]string{source}, "flag --landed: no folder"},
		"a URL without a subject":       {[]string{"--landed", "nats://127.0.0.1", source}, "flag --landed: the subject is missing"},
		"a URL with a password":         {[]string{"--landed", "nats://a:secret@127.0.0.1/logs", source}, "use --out-credentials-file"},
		"another engine":                {[]string{"--landed", "kafka://127.0.0.1/logs", source}, "flag --landed: the scheme"},
		"credentials for a folder":      {[]string{"--landed", landed, "--out-credentials-file", landed, source}, "flag --out-credentials-file: needs --landed"},
		"authorities without TLS":       {[]string{"--landed", "nats://127.0.0.1/logs", "--out-ca", landed, source}, "flag --out-ca: needs --landed"},
		"a certificate without its key": {[]string{"--landed", "tls://127.0.0.1/logs", "--out-cert", landed, source}, "flag --out-cert"},
		"no source":                     {[]string{"--landed", landed}, "no log file"},
		"no such folder":                {[]string{"--landed", landed + "x", source}, "flag --landed: "},
		"no such source":                {[]string{"--landed", landed, source + "*x"}, "no such file"},
		"a folder as source":            {[]string{"--landed", landed, filepath.Dir(source)}, "is not a file"},
		"a time that is none":           {[]string{"--landed", landed, "--since", "yesterday", source}, "flag --since: neither"},
		"a fingerprint beyond bounds":   {[]string{"--landed", landed, "--fingerprint-length", "9223372036854775807", source}, "flag --fingerprint-length: more than 64MiB"},
		"credentials in no file":        {[]string{"--landed", landed, "--out-credentials-file", "", source}, "flag --out-credentials-file: no file name"},
		"a short fingerprint":           {[]string{"--landed", landed, "--fingerprint-length", "63", source}, "flag --fingerprint-length: less than 64"},
		"an unknown flag":               {[]string{"--land", landed}, "-land"},
		"records without place":         {[]string{"--landed", write(t, "landed", `{"message":"x"}`+"\n"), source}, "raw, log, gelf"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := runToEnd(t, append([]string{"verify"}, test.args...)...)
			require.Equal(t, exitTrouble, code)
			require.Empty(t, stdout)
			require.Contains(t, stderr, test.want)
		})
	}
	code, stdout, _ := runToEnd(t, "verify", "--help")
	require.Equal(t, exitOK, code)
	require.Contains(t, stdout, "--show-lines")
}

func TestProgressSaysHowMuchIsLeft(t *testing.T) {
	require.Equal(t, "[                              ]   0 %, 0 B of 0 B", progressText(&verify.Progress{}, time.Second))
	bar := showProgress(&verify.Progress{}, newLogLines())
	require.Nil(t, bar.stop, "only on a terminal")
	bar.over(func() {})
	bar.end()
}

func TestDocsHaveEveryFlagOfVerify(t *testing.T) {
	requireTableIn(t, "../../docs/verify.md", "flags", flagTable(newVerifyFlagSet(&verifySettings{})))
}
