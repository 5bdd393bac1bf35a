// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

// documented is the address in the documents.
const documented = "127.0.0.1:8080"

const patience = 30 * time.Second

// checkout is a folder that looks like the root of the module after a build.
type checkout struct {
	t      *testing.T
	folder string
	here   string // the address in the place of the documented one
}

func newCheckout(t *testing.T) checkout {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	c := checkout{t: t, folder: t.TempDir(), here: listener.Addr().String()}
	for _, name := range []string{"filebeat", "wsreceiver", "wscheck"} {
		require.NoError(t, os.Symlink(beattest.Binary(t, name), filepath.Join(c.folder, name)))
	}
	config := strings.NewReplacer(documented, c.here, "/var/log/*.log", c.logs()+"/*.log").Replace(read(t, "filebeat.yml"))
	// The folder of the binary is the one that the link leads to.
	config = strings.Replace(config, "#path.home: /usr/share/filebeat", "path.home: "+c.folder, 1)
	require.Contains(t, config, "\npath.home: ")
	require.NoError(t, os.WriteFile(filepath.Join(c.folder, "filebeat.yml"), []byte(config), 0o600))
	return c
}

func (c checkout) logs() string { return filepath.Join(c.folder, "logs") }

// command is a line of a document, with the address of this folder.
func (c checkout) command(line string) *exec.Cmd {
	c.t.Helper()
	require.Contains(c.t, c.documented(), line, "no document has that command")
	line = strings.ReplaceAll(line, documented, c.here)
	cmd := exec.CommandContext(context.WithoutCancel(c.t.Context()), "sh", "-c", "exec "+line)
	cmd.Dir = c.folder
	cmd.Env = append(os.Environ(), "PATH="+c.folder+":"+os.Getenv("PATH"))
	return cmd
}

// documented returns all commands of the documents.
func (c checkout) documented() (lines []string) {
	for _, b := range blocks(c.t) {
		lines = append(lines, b.commands()...)
	}
	return lines
}

func (c checkout) start(line string) *beattest.Process {
	c.t.Helper()
	return beattest.StartProcess(c.t, c.command(line))
}

func TestTheFirstStepsOfTheReadme(t *testing.T) {
	t.Parallel()
	c := newCheckout(t)
	receiver := c.start("./wsreceiver --listen 127.0.0.1:8080 --path /ingest --tail")
	beattest.Eventually(t, patience, "wsreceiver listens", func() bool { return strings.Contains(receiver.Output(), "listening") })
	for _, line := range []string{"./filebeat test config -c filebeat.yml", "./filebeat test output -c filebeat.yml"} {
		output, err := c.command(line).CombinedOutput()
		require.NoError(t, err, "%s", output)
		require.Contains(t, string(output), "OK")
	}
	beattest.AppendLines(t, filepath.Join(c.logs(), "a.log"), 1, 100)
	filebeat := c.start("./filebeat -e -c filebeat.yml")
	beattest.Eventually(t, patience, "the last line is printed", func() bool {
		return strings.Contains(receiver.Output(), " seq=100 ")
	})
	require.Zero(t, filebeat.Stop())
	require.Zero(t, receiver.Stop())
}

// TestAStrangerFollowsTheReadme does what the README says from its first line on, in a
// folder that has nothing but the programs.
func TestAStrangerFollowsTheReadme(t *testing.T) {
	t.Parallel()
	c := newCheckout(t)
	c.folder = t.TempDir()
	for _, name := range []string{"filebeat", "wsreceiver"} {
		require.NoError(t, os.Link(beattest.Binary(t, name), filepath.Join(c.folder, name)))
	}
	readme := fence.FindAllStringSubmatch(read(t, "README.md"), 2)
	config, commands := readme[0], block{text: readme[1][3]}.commands()
	require.Equal(t, "yaml", config[1])
	require.Equal(t, 6, strings.Count(config[3], "\n"), "the README promises six lines")
	require.Len(t, commands, 2)
	text := strings.NewReplacer(documented, c.here, "/var/log/*.log", c.logs()+"/*.log").Replace(config[3])
	require.NoError(t, os.WriteFile(filepath.Join(c.folder, "filebeat.yml"), []byte(text), 0o600))

	receiver := c.start(commands[0])
	beattest.Eventually(t, patience, "wsreceiver listens", func() bool { return strings.Contains(receiver.Output(), "listening") })
	beattest.AppendLines(t, filepath.Join(c.logs(), "a.log"), 1, 100)
	filebeat := c.start(commands[1])
	beattest.Eventually(t, patience, "the last line is printed", func() bool {
		return strings.Contains(receiver.Output(), " seq=100 ")
	})
	page, err := http.Get("http://" + c.here + "/") //nolint:noctx // there is nothing to stop
	require.NoError(t, err)
	require.NoError(t, page.Body.Close())
	require.Equal(t, http.StatusOK, page.StatusCode)
	require.Zero(t, filebeat.Stop())
	require.NotRegexp(t, `"log.level":"(warn|error)"`, filebeat.Output(), "the first log that a stranger sees")
	require.Zero(t, receiver.Stop())
}

func TestTheOtherCommandsOfWsreceiver(t *testing.T) {
	t.Parallel()
	c := newCheckout(t)
	receiver := c.start("wsreceiver --listen 127.0.0.1:8080 --path /ingest --out records.ndjson")
	beattest.Eventually(t, patience, "wsreceiver listens", func() bool { return strings.Contains(receiver.Output(), "listening") })
	require.Equal(t, http.StatusSwitchingProtocols, c.curl("curl -sk").StatusCode)
	require.Zero(t, receiver.Stop())
	require.FileExists(t, filepath.Join(c.folder, "records.ndjson"))

	// These lines give no address, or a usual one, and there may be something there.
	require.Contains(t, c.documented(), "wsreceiver --forward-listen 127.0.0.1:24224 --out records/")
	withForward := exec.CommandContext(context.WithoutCancel(t.Context()), beattest.Binary(t, "wsreceiver"),
		"--forward-listen", "127.0.0.1:0", "--out", "records/", "--listen", c.here)
	withForward.Dir = c.folder
	forward := beattest.StartProcess(t, withForward)
	beattest.Eventually(t, patience, "wsreceiver listens for both", func() bool {
		return strings.Contains(forward.Output(), "listening for Fluent Forward")
	})
	require.Zero(t, forward.Stop())
	require.DirExists(t, filepath.Join(c.folder, "records"))

	require.Contains(t, c.documented(), "wsreceiver --tail")
	require.NoError(t, os.WriteFile(filepath.Join(c.folder, "tokens"), []byte("TOKEN\n"), 0o600))
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), beattest.Binary(t, "wsreceiver"), "--tail", "--listen", c.here, "--token-file", "tokens")
	cmd.Dir = c.folder
	tail := beattest.StartProcess(t, cmd)
	beattest.Eventually(t, patience, "wsreceiver listens", func() bool { return strings.Contains(tail.Output(), "listening") })
	stream := c.curl("curl -N")
	require.Equal(t, http.StatusOK, stream.StatusCode)
	require.Contains(t, stream.Header.Get("Content-Type"), "text/event-stream")
	require.Zero(t, tail.Stop())
}

var (
	curlHeader  = regexp.MustCompile(`-H '([^:']+): ([^']*)'`)
	curlAddress = regexp.MustCompile(`(https?://\S+?)'?$`)
)

// curl asks what the command that begins like that asks.
func (c checkout) curl(beginning string) *http.Response {
	c.t.Helper()
	for _, line := range c.documented() {
		if !strings.HasPrefix(line, beginning) {
			continue
		}
		address, err := url.Parse(curlAddress.FindStringSubmatch(line)[1])
		require.NoError(c.t, err)
		address.Scheme, address.Host = "http", c.here
		request, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, address.String(), nil)
		require.NoError(c.t, err)
		for _, header := range curlHeader.FindAllStringSubmatch(line, -1) {
			request.Header.Set(header[1], header[2])
		}
		response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
		require.NoError(c.t, err)
		require.NoError(c.t, response.Body.Close())
		return response
	}
	require.FailNow(c.t, "no document has such a command", beginning)
	return nil
}
