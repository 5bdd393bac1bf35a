// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

// proxy is a program between filebeat and a server.
type proxy struct {
	name string
	// file is its configuration in testdata/proxies, which docs/interop.md shows.
	// One without is configured by its command.
	file string
	// command starts it in the foreground. What else it writes goes to folder.
	command func(folder, config, port string) []string
	env     func(folder string) []string
	// says is a command, and version finds in its output what the program calls its
	// version.
	says    []string
	version string
	// leaves are files outside of its folder that remain after a kill.
	leaves string
	// url is the proxy_url that leads through it. One without is a reverse proxy,
	// which speaks TLS and stands before the server.
	url string
}

// What the configurations have in the place of addresses and files of the tests.
const (
	documentedName     = "logs.example.com"
	documentedPort     = "8443" // of a reverse proxy
	documentedReceiver = "8080" // the port
	documentedCert     = "/etc/ssl/logs.pem"
	documentedKey      = "/etc/ssl/private/logs.key"
	documentedBoth     = "/etc/ssl/private/logs.both.pem"
	documentedSquid    = "3128"
	documentedSOCKS    = "1080"
	documentedUsers    = "/etc/squid/users"
)

var proxies = []proxy{
	{
		name: "nginx", file: "nginx.conf",
		command: func(folder, config, _ string) []string {
			return []string{"/usr/sbin/nginx", "-c", config, "-e", "stderr", "-g", "daemon off; pid " + folder + "/pid;"}
		},
		says: []string{"/usr/sbin/nginx", "-v"}, version: `nginx/(\S+)`,
	},
	{
		name: "HAProxy", file: "haproxy.cfg",
		command: func(_, config, _ string) []string {
			return []string{"/usr/sbin/haproxy", "-db", "-f", config}
		},
		says: []string{"/usr/sbin/haproxy", "-v"}, version: `HAProxy version (\S+)`,
	},
	{
		name: "Apache httpd", file: "apache.conf",
		command: func(folder, config, _ string) []string {
			return []string{
				"/usr/sbin/apache2", "-DFOREGROUND", "-f", config,
				"-C", "ServerRoot " + folder, "-C", "DefaultRuntimeDir " + folder, "-C", "PidFile pid", "-C", "ErrorLog /dev/stderr",
			}
		},
		says: []string{"/usr/sbin/apache2", "-v"}, version: `Apache/(\S+)`,
	},
	{
		name: "Caddy", file: "Caddyfile",
		command: func(_, config, _ string) []string {
			return []string{"/usr/bin/caddy", "run", "--adapter", "caddyfile", "--config", config}
		},
		env:  func(folder string) []string { return []string{"HOME=" + folder} },
		says: []string{"/usr/bin/caddy", "version"}, version: `(\d\S+)`,
	},
	{
		name: "Squid", file: "squid.conf", command: squid,
		says: squidSays, version: squidVersion, leaves: squidLeaves, url: "http://PROXY",
	},
	{
		name: "Squid with a password", file: "squid-password.conf", command: squid,
		says: squidSays, version: squidVersion, leaves: squidLeaves, url: "http://filebeat:secret@PROXY",
	},
	{
		name: "Dante (SOCKS5)", file: "danted.conf",
		command: func(folder, config, _ string) []string {
			return []string{"/usr/sbin/danted", "-f", config, "-p", folder + "/pid"}
		},
		says: []string{"/usr/sbin/danted", "-v"}, version: `Dante v([\d.]+\d)`, url: "socks5://PROXY",
	},
	{
		name: "microsocks (SOCKS5) with a password",
		command: func(_, _, port string) []string {
			return []string{"/usr/bin/microsocks", "-i", "127.0.0.1", "-p", port, "-u", "filebeat", "-P", "secret"}
		},
		// It does not print its version.
		says: []string{"dpkg-query", "--show", "microsocks"}, version: `\t(\S+)`, url: "socks5://filebeat:secret@PROXY",
	},
}

var squidSays = []string{"/usr/sbin/squid", "-v"}

const (
	squidVersion = `Version (\S+)`
	squidName    = "interop"
	squidLeaves  = "/dev/shm/" + squidName + "PORT-*"
)

// squid gives each instance a name of its own, because they share memory by name.
func squid(_, config, port string) []string {
	return []string{"/usr/sbin/squid", "-N", "-n", squidName + port, "-f", config}
}

// start starts the proxy before a server. A reverse proxy has a certificate of
// the CA.
func (x proxy) start(t *testing.T, ca *beattest.CA, behind *peer) *peer {
	t.Helper()
	folder := openFolder(t)
	certificate, key := beattest.WriteKeyPair(t, folder, ca.Issue("127.0.0.1"), "")
	both, users := filepath.Join(folder, "both"), filepath.Join(folder, "users")
	concatenate(t, both, certificate, key)
	concatenate(t, users, testdata(t, "proxies", "squid-users"))
	port := freePort(t)
	var config string
	if x.file != "" {
		documented, err := os.ReadFile(testdata(t, "proxies", x.file))
		require.NoError(t, err)
		require.Contains(t, string(documented), documentedReceiver)
		config = filepath.Join(folder, x.file)
		ours := strings.NewReplacer(
			documentedName, "127.0.0.1",
			documentedPort, port, documentedSquid, port, documentedSOCKS, port,
			documentedReceiver, behind.port,
			documentedCert, certificate,
			documentedKey, key,
			documentedBoth, both,
			documentedUsers, users,
		).Replace(string(documented))
		require.NoError(t, os.WriteFile(config, []byte(ours), 0o644))
	}
	p := &peer{t: t, command: x.command(folder, config, port), folder: folder, port: port}
	if x.leaves != "" {
		t.Cleanup(func() { removeAll(t, strings.ReplaceAll(x.leaves, "PORT", port)) })
	}
	if x.env != nil {
		p.env = x.env(folder)
	}
	p.start()
	return p
}

// openFolder returns a folder that any user may read: some proxies give up root and
// run as another user.
func openFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for _, path := range []string{folder, filepath.Dir(folder)} {
		require.NoError(t, os.Chmod(path, 0o755))
	}
	return folder
}

func removeAll(t *testing.T, pattern string) {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	require.NoError(t, err)
	for _, path := range paths {
		require.NoError(t, os.RemoveAll(path))
	}
}

// concatenate joins files into one that any user may read.
func concatenate(t *testing.T, to string, from ...string) {
	t.Helper()
	var content []byte
	for _, path := range from {
		part, err := os.ReadFile(path)
		require.NoError(t, err)
		content = append(content, part...)
	}
	require.NoError(t, os.WriteFile(to, content, 0o644))
}
