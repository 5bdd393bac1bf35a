// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

// testServer is a WebSocket server that uses a library of another project. It is started
// with a file and a port, and appends each message and a newline to the file before
// it answers a Ping behind that message. It prints the version of the library,
// and the subprotocol of each connection.
type testServer struct {
	name    string
	command func(t *testing.T) (command, env []string)
}

var servers = []testServer{
	nodeServer,
	{"Python websockets", python("websockets_server.py")},
	{"Python aiohttp", python("aiohttp_server.py")},
	{"Python Tornado", python("tornado_server.py")},
	{"Go coder/websocket", coderServer},
	{"Java Tomcat", tomcatServer},
}

// nodeServer also stands behind the proxies.
var nodeServer = testServer{"Node ws", func(t *testing.T) (command, env []string) {
	modules := filepath.Join(nodeFolder(t), "node_modules")
	return []string{"node", testdata(t, "servers", "ws.cjs")}, []string{"NODE_PATH=" + modules}
}}

func python(program string) func(t *testing.T) (command, env []string) {
	return func(t *testing.T) (command, env []string) {
		return []string{debianPython, testdata(t, "servers", program)}, nil
	}
}

func coderServer(t *testing.T) (command, env []string) {
	program := filepath.Join(t.TempDir(), "coderserver")
	build(t, "go", "build", "-o", program, "./coderserver")
	return []string{program}, nil
}

func tomcatServer(t *testing.T) (command, env []string) {
	classes := t.TempDir()
	jars, err := filepath.Glob("/usr/share/java/tomcat10-*.jar")
	require.NoError(t, err)
	path := strings.Join(append(jars, classes), ":")
	build(t, "javac", "-cp", path, "-d", classes, testdata(t, "servers", "TomcatServer.java"))
	return []string{"java", "-cp", path, "TomcatServer"}, nil
}

func build(t *testing.T, command string, args ...string) {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), command, args...).CombinedOutput()
	require.NoErrorf(t, err, "%s %s:\n%s", command, strings.Join(args, " "), output)
}

// testdata returns the path of a file of the tests.
func testdata(t *testing.T, folder, name string) string {
	t.Helper()
	return filepath.Join(beattest.Root(t), "testing", "interop", "testdata", folder, name)
}

// start starts a server that appends to the file at path.
func (s testServer) start(t *testing.T, path string) *peer {
	t.Helper()
	install(t)
	command, env := s.command(t)
	port := freePort(t)
	p := &peer{t: t, command: append(command, path, port), env: env, folder: filepath.Dir(path), port: port}
	p.start()
	return p
}
