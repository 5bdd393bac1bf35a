// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
		"an unknown flag":                  {[]string{"--tail"}, []string{"-tail", "not defined"}},
		"a flag without its value":         {[]string{"--out"}, []string{"-out", "needs an argument"}},
		"an argument that is no flag":      {[]string{"--quiet", "records.ndjson"}, []string{"records.ndjson"}},
		"listen without a port":            {[]string{"--listen", "127.0.0.1"}, []string{"--listen", "missing port"}},
		"listen with an empty port":        {[]string{"--listen", "127.0.0.1:"}, []string{"--listen", "no port"}},
		"listen with a port beyond 65535":  {[]string{"--listen", "127.0.0.1:65536"}, []string{"--listen", "invalid port"}},
		"a path without a slash":           {[]string{"--path", "ingest"}, []string{"--path", "begin with /"}},
		"an empty path":                    {[]string{"--path", ""}, []string{"--path", "begin with /"}},
		"the path of the health check":     {[]string{"--path", "/healthz"}, []string{"--path", "taken"}},
		"a path with a query":              {[]string{"--path", "/a?b"}, []string{"--path", "more than a path"}},
		"an unknown format":                {[]string{"--format", "xml"}, []string{"--format", "xml", "auto, json, json_array"}},
		"an unknown mode of confirmation":  {[]string{"--ack", "ping"}, []string{"--ack", "ping", "auto, none"}},
		"no output":                        {[]string{"--out", ""}, []string{"--out", "no file name"}},
		"no connections":                   {[]string{"--max-connections", "0"}, []string{"--max-connections", "less than 1"}},
		"a word for a number":              {[]string{"--max-connections", "many"}, []string{"-max-connections", "many"}},
		"a size of nothing":                {[]string{"--max-message-bytes", "0"}, []string{"-max-message-bytes", "between 1 byte and"}},
		"a size below nothing":             {[]string{"--max-message-bytes", "-1"}, []string{"-max-message-bytes", "not a number"}},
		"a size beyond all bounds":         {[]string{"--max-message-bytes", "1025MiB"}, []string{"-max-message-bytes", "between 1 byte and"}},
		"a size that overflows":            {[]string{"--max-message-bytes", "9223372036854775807MiB"}, []string{"-max-message-bytes", "between 1 byte and"}},
		"a size in an unknown unit":        {[]string{"--max-message-bytes", "1GiB"}, []string{"-max-message-bytes", "units are"}},
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
	for name, test := range map[string]struct {
		args []string
		want settings
	}{
		"none gives the defaults": {nil, settings{listen: "127.0.0.1:8080", path: "/ingest", format: "auto", ack: "auto", out: "-", sync: true, maxMessageBytes: 1 << 20, maxConnections: 1024}},
		"all of them": {
			[]string{"--listen", "[::1]:http", "--path=/", "--format", "json_lines", "--ack", "none", "--out", "x", "--sync=false", "--quiet", "--max-message-bytes", "2KB", "--max-connections", "3", "--version"},
			settings{listen: "[::1]:http", path: "/", format: "json_lines", ack: "none", out: "x", quiet: true, maxMessageBytes: 2000, maxConnections: 3, version: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseFlags(test.args)
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
	for text, want := range map[string]byteSize{
		"1": 1, "125b": 125, "64KiB": 64 << 10, "64kib": 64 << 10, "1 MiB": 1 << 20, "3MB": 3e6, "1024MiB": 1 << 30, "7kb": 7000,
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
	for name, args := range map[string][]string{
		"an address that is not of this machine": {"--listen", "192.0.2.1:0"},
		"a file in a folder that is not there":   {"--listen", "127.0.0.1:0", "--out", t.TempDir() + "/no/file"},
		"a folder for a file":                    {"--listen", "127.0.0.1:0", "--out", os.TempDir()},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := runToEnd(t, args...)
			require.Equal(t, exitFailed, code)
			require.Empty(t, stdout)
			require.Contains(t, stderr, "level=ERROR")
			require.Contains(t, stderr, args[len(args)-1])
		})
	}
}
