// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(buildFolder)
		os.Exit(code)
	}))
}

// runToEnd is for arguments with which run does not begin to serve.
func runToEnd(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), args, &out, &err)
	return code, out.String(), err.String()
}

func TestAWrongFlagIsNamedAndTheExitCodeIs2(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want []string
	}{
		"an unknown flag":                  {[]string{"--tale"}, []string{"-tale", "not defined"}},
		"a flag without its value":         {[]string{"--out"}, []string{"-out", "needs an argument"}},
		"an argument, not a flag":          {[]string{"--quiet", "records.ndjson"}, []string{"records.ndjson"}},
		"listen without a port":            {[]string{"--listen", "127.0.0.1"}, []string{"--listen", "missing port"}},
		"listen with an empty port":        {[]string{"--listen", "127.0.0.1:"}, []string{"--listen", "no port"}},
		"listen with a port beyond 65535":  {[]string{"--listen", "127.0.0.1:65536"}, []string{"--listen", "invalid port"}},
		"a path without a slash":           {[]string{"--path", "ingest"}, []string{"--path", "begin with /"}},
		"an empty path":                    {[]string{"--path", ""}, []string{"--path", "begin with /"}},
		"the path of the health check":     {[]string{"--path", "/healthz"}, []string{"--path", "reserved"}},
		"the path of the readiness check":  {[]string{"--path", "/readyz"}, []string{"--path", "reserved"}},
		"an age of nothing":                {[]string{"--max-connection-age", "10ms"}, []string{"--max-connection-age", "less than 1s"}},
		"an age that is not a time":        {[]string{"--max-connection-age", "10"}, []string{"-max-connection-age", "10"}},
		"a delay that has passed":          {[]string{"--shutdown-delay", "-1s"}, []string{"--shutdown-delay", "less than 0"}},
		"a delay without end":              {[]string{"--shutdown-delay", "1h"}, []string{"--shutdown-delay", "more than 10m"}},
		"a path with a query":              {[]string{"--path", "/a?b"}, []string{"--path", "contains more than a path"}},
		"an unknown format":                {[]string{"--format", "xml"}, []string{"--format", "xml", "auto, csv", "json_array"}},
		"an unknown mode of confirmation":  {[]string{"--ack", "ping"}, []string{"--ack", "ping", "auto, none"}},
		"no output":                        {[]string{"--out", ""}, []string{"--out", "no file name"}},
		"tokens in no file":                {[]string{"--token-file", ""}, []string{"--token-file", "no file name"}},
		"a client CA in no file":           {[]string{"--client-ca="}, []string{"--client-ca", "no file name"}},
		"a shared key in no file":          {[]string{"--shared-key-file", ""}, []string{"--shared-key-file", "no file name"}},
		"files of nothing":                 {[]string{"--rotate-bytes", "1023KiB"}, []string{"--rotate-bytes", "less than 1MiB"}},
		"a window below 0":                 {[]string{"--dedup-window", "-1h"}, []string{"--dedup-window", "less than 0"}},
		"fewer ids than none":              {[]string{"--dedup", "-1"}, []string{"--dedup", "less than 0"}},
		"the path of the metrics":          {[]string{"--path", "/metrics"}, []string{"--path", "reserved"}},
		"a certificate without its key":    {[]string{"--tls-cert", "x"}, []string{"--tls-cert", "together with --tls-key"}},
		"a key without its certificate":    {[]string{"--tls-key", "x"}, []string{"--tls-cert", "together with --tls-key"}},
		"client certificates without TLS":  {[]string{"--client-ca", "x"}, []string{"--client-ca", "needs --tls-cert"}},
		"all addresses for everyone":       {[]string{"--listen", "0.0.0.0:8080"}, []string{"--listen", "--token-file or --client-ca, or --insecure"}},
		"no address for everyone":          {[]string{"--listen", ":8080"}, []string{"--listen", "--insecure"}},
		"a name for everyone":              {[]string{"--listen", "logs.example.com:8080"}, []string{"--listen", "--insecure"}},
		"no connections":                   {[]string{"--max-connections", "0"}, []string{"--max-connections", "less than 1"}},
		"a word for a number":              {[]string{"--max-connections", "many"}, []string{"-max-connections", "many"}},
		"a size of nothing":                {[]string{"--max-message-bytes", "0"}, []string{"-max-message-bytes", "between 1 byte and"}},
		"a size below nothing":             {[]string{"--max-message-bytes", "-1"}, []string{"-max-message-bytes", "not a number"}},
		"a size beyond all bounds":         {[]string{"--max-message-bytes", "1025MiB"}, []string{"--max-message-bytes", "more than 1GiB"}},
		"memory for less than a message":   {[]string{"--max-memory", "4MiB", "--max-message-bytes", "2MiB"}, []string{"--max-memory", "4MiB is less than 16 times --max-message-bytes, 32MiB"}},
		"memory for less than a POST":      {[]string{"--max-memory", "16MiB", "--max-post-bytes", "2MiB"}, []string{"--max-memory", "16MiB is less than 16 times --max-post-bytes, 32MiB"}},
		"a size that overflows":            {[]string{"--max-message-bytes", "9223372036854775807MiB"}, []string{"-max-message-bytes", "between 1 byte and"}},
		"a size in an unknown unit":        {[]string{"--max-message-bytes", "1TiB"}, []string{"-max-message-bytes", "units are"}},
		"a size without a number":          {[]string{"--max-message-bytes", "MiB"}, []string{"-max-message-bytes", "not a number"}},
		"a size with a point":              {[]string{"--max-message-bytes", "1.5MiB"}, []string{"-max-message-bytes", "not a number"}},
		"a value for a flag that has none": {[]string{"--quiet=perhaps"}, []string{"-quiet", "perhaps"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := runToEnd(t, test.args...)
			require.Equal(t, exitUsage, code)
			require.Empty(t, stdout)
			for _, want := range test.want {
				require.Contains(t, stderr, want)
			}
		})
	}
}

func TestFlagsAreUnderstood(t *testing.T) {
	loopback := func(address string, change func(*settings)) settings {
		var s settings
		newFlagSet(&s)
		s.listen = address
		change(&s)
		return s
	}
	for name, test := range map[string]struct {
		args []string
		want settings
	}{
		"none gives the defaults": {nil, settings{listen: "127.0.0.1:8080", path: "/ingest", format: "auto", ack: "auto", out: "-", rotateBytes: 100 << 20, sync: true, dedup: 1_000_000, maxMessageBytes: 1 << 20, maxConnections: 1024}},
		"all of them": {
			[]string{
				"--listen", "[::]:http", "--path=/", "--format", "json_lines", "--ack", "none", "--out", "x", "--rotate-bytes", "1MiB", "--sync=false",
				"--dedup", "0", "--dedup-window", "24h", "--quiet", "--metrics", "--tls-cert", "c", "--tls-key", "k", "--client-ca", "ca", "--token-file", "t", "--shared-key-file", "s",
				"--insecure", "--max-message-bytes", "2KB", "--max-post-bytes", "3KB", "--max-connections", "3", "--max-memory", "2GiB", "--version",
				"--forward-listen", "f:1", "--forward-max-bytes", "2MiB", "--user-file", "u",
			},
			settings{
				listen: "[::]:http", path: "/", format: "json_lines", ack: "none", out: "x", rotateBytes: 1 << 20, dedupWindow: 24 * time.Hour, quiet: true, metrics: true,
				tlsCert: "c", tlsKey: "k", clientCA: "ca", tokenFile: "t", sharedKeyFile: "s",
				insecure: true, maxMessageBytes: 2000, maxPostBytes: 3000, maxMemory: 2 << 30, maxConnections: 3, version: true,
				forwardMaxBytes: 2 << 20, forwardListen: "f:1", userFile: "u",
			},
		},
		"loopback needs no option":                 {[]string{"--listen", "[::1]:1"}, loopback("[::1]:1", func(*settings) {})},
		"nor is localhost":                         {[]string{"--listen", "Localhost:1"}, loopback("Localhost:1", func(*settings) {})},
		"with tokens it may listen everywhere":     {[]string{"--listen", ":1", "--token-file", "t"}, loopback(":1", func(s *settings) { s.tokenFile = "t" })},
		"with --insecure it may listen everywhere": {[]string{"--listen", ":1", "--insecure"}, loopback(":1", func(s *settings) { s.insecure = true })},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseFlags(test.args)
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
	for text, want := range map[string]byteSize{
		"1": 1, "125b": 125, "64KiB": 64 << 10, "64kib": 64 << 10, "1 MiB": 1 << 20, "3MB": 3e6, "1024MiB": 1 << 30, "2GB": 2e9, "7kb": 7000,
	} {
		t.Run("a size of "+text, func(t *testing.T) {
			var size byteSize
			require.NoError(t, size.Set(text))
			require.Equal(t, want, size)
			var again byteSize
			require.NoError(t, again.Set(size.String()))
			require.Equal(t, want, again)
		})
	}
}

func TestTheMemoryIsAQuarterOfTheControlGroups(t *testing.T) {
	for name, test := range map[string]struct {
		set, message byteSize
		limit, want  int64
	}{
		"what is set":                    {set: 8 << 20, message: 1 << 20, limit: 1 << 30, want: 8 << 20},
		"a quarter":                      {message: 1 << 20, limit: 256 << 20, want: 64 << 20},
		"without a limit":                {message: 1 << 20, want: 512 << 20},
		"but enough for a message":       {message: 10 << 20, limit: 64 << 20, want: 160 << 20},
		"for a long one without a limit": {message: 1 << 30, want: 16 << 30},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, memoryFor(settings{maxMemory: test.set, maxMessageBytes: test.message}, test.limit))
		})
	}
}

func TestHelpAndVersionGoToStandardOutput(t *testing.T) {
	code, stdout, stderr := runToEnd(t, "--help")
	require.Equal(t, exitOK, code)
	require.Empty(t, stderr)
	for _, want := range []string{"--listen host:port", "(default 127.0.0.1:8080)", "--max-message-bytes size", "(default 1MiB)", "--version"} {
		require.Contains(t, stdout, want)
	}
	code, stdout, stderr = runToEnd(t, "--version")
	require.Equal(t, exitOK, code)
	require.Empty(t, stderr)
	require.Equal(t, "wsreceiver dev (commit unknown, built unknown)\n", stdout)
}

func TestWhatCanNotBeginHasTheExitCode1(t *testing.T) {
	file := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(file, []byte("# nothing\n"), 0o600))
	empty := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(empty, []byte("\n"), 0o600))
	for name, args := range map[string][]string{
		"an address that is not of this machine": {"--insecure", "--listen", "192.0.2.1:0"},
		"a file in a folder that is not there":   {"--listen", "127.0.0.1:0", "--out", t.TempDir() + "/no/file"},
		"a folder below a file":                  {"--listen", "127.0.0.1:0", "--out", file + "/"},
		"a token file that is not there":         {"--listen", "127.0.0.1:0", "--token-file", file + ".tokens"},
		"a token file without a token":           {"--listen", "127.0.0.1:0", "--token-file", file},
		"a shared key that is not there":         {"--listen", "127.0.0.1:0", "--shared-key-file", file + ".key"},
		"a shared key that is empty":             {"--listen", "127.0.0.1:0", "--shared-key-file", empty},
		"a certificate that is none":             {"--listen", "127.0.0.1:0", "--tls-key", file, "--tls-cert", file},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := runToEnd(t, args...)
			require.Equal(t, exitFailed, code)
			require.Empty(t, stdout)
			require.Contains(t, stderr, "wsreceiver: flag --")
			require.Contains(t, stderr, args[len(args)-1])
		})
	}
}
