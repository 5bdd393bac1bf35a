// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/receiver/sink/jetstream"
	"filebeat-websocket/receiver/sink/kafka"
	"filebeat-websocket/testing/beattest"
)

// program begins a line that is a command, in a block of no language.
var program = regexp.MustCompile(`^(?:\./)?(?:go|filebeat|wsreceiver|wscheck|curl|microsocks|promtool|kubectl|docker|buildah|dpkg|rpm|systemctl|apt-get|npm|node|python3|chmod|sh|cat|cp|cd|kill) `)

// commands returns the lines of a block that are commands, without those that
// continue one.
func (b block) commands() (lines []string) {
	text := strings.ReplaceAll(b.text, "\\\n", " ")
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case b.language == "sh" && line != "" && !strings.HasPrefix(line, "#"),
			b.language == "" && program.MatchString(line):
			lines = append(lines, line)
		}
	}
	return lines
}

// elsewhere are documents all of whose commands a test of another package runs.
var elsewhere = map[string]string{
	"docs/receivers.md":    "TestTheCommandsOfTheDocumentAboutReceivers",
	"docs/installation.md": "TestEveryCommandOfTheDocumentIsRunByATest",
	"docs/custom-beat.md":  "TestTheBeatInTheDocumentBuildsAndShips",
	"docs/kubernetes.md":   "TestDocsOfKubernetes",
}

// forms are the commands of the other documents, each with a check that it does
// something; named[0] is the whole command.
var forms = []struct {
	pattern string
	holds   func(t *testing.T, named []string)
}{
	{`^go (?:mod tidy|run \.)$`, runBy("TestTheReceiverOfTheDocumentBuilds")},
	{`^go tool mage (\w+)((?: \S+)*)$`, requireTarget},
	{`^go test (?:-\S+ )*(\./\S+).*$`, requireTests},
	{`^go test .*? (\./\S+)$`, requireTests},
	{`^go run (\./\S+)((?: -\w+(?: [^-\s]\S*)?)*)$`, requireProgram},
	// These are run below, as they stand.
	{`^\./wsreceiver --listen 127\.0\.0\.1:8080 --path /ingest --tail$`, runBy("TestAStrangerFollowsTheReadme")},
	{`^\./filebeat -e -c filebeat\.yml$`, runBy("TestTheFirstStepsOfTheReadme")},
	{`^\./filebeat test (?:config|output) -c filebeat\.yml$`, runBy("TestTheFirstStepsOfTheReadme")},
	{`^wsreceiver --listen 127\.0\.0\.1:8080 --path /ingest --out records\.ndjson$`, runBy("TestTheOtherCommandsOfWsreceiver")},
	{`^wsreceiver --forward-listen 127\.0\.0\.1:24224 --out records/$`, runBy("TestTheOtherCommandsOfWsreceiver")},
	{`^wsreceiver --tail$`, runBy("TestTheOtherCommandsOfWsreceiver")},
	{`^wsreceiver --listen 127\.0\.0\.1:8080 --out '?((nats|kafka)://[^\s']+)'?$`, func(t *testing.T, named []string) {
		var err error
		if named[2] == "nats" {
			_, err = jetstream.Parse(named[1])
		} else {
			_, err = kafka.Parse(named[1])
		}
		require.NoError(t, err, named[0])
	}},
	{`^wsreceiver verify --landed \S+/ /var/log/app/\*\.log\*$`, func(t *testing.T, _ []string) {
		require.Contains(t, testNames(t, "./testing/e2e"), "TestVerifyFindsEachLineOnceAfterKillsAndRotations")
	}},
	{`^wsreceiver verify --landed (nats://\S+) --out-credentials-file verify\.creds /var/log/app/\*\.log\*$`, func(t *testing.T, named []string) {
		_, err := jetstream.Parse(named[1])
		require.NoError(t, err, named[0])
		require.Contains(t, testNames(t, "./cmd/wsreceiver"), "TestVerifyReadsAStreamBack")
	}},
	{`^curl -N .*/tail/stream\?`, runBy("TestTheOtherCommandsOfWsreceiver")},
	{`^curl -sk --http1\.1 -m 130 `, runBy("TestTheOtherCommandsOfWsreceiver")},
	{`^curl .* http://127\.0\.0\.1:8080/ingest$`, func(t *testing.T, _ []string) {
		require.Contains(t, testNames(t, "./cmd/wsreceiver"), "TestTheCurlCommandsOfTheDocument")
	}},
	{`^microsocks `, runBy("TestFilebeatShipsThroughEveryPeer")},
}

func TestEveryCommandIsRunByATest(t *testing.T) {
	seen := 0
	for _, b := range blocks(t) {
		for _, line := range b.commands() {
			seen++
			if where := elsewhere[b.document]; where != "" {
				require.Contains(t, testNames(t, "."), where)
				continue
			}
			known := false
			for _, form := range forms {
				if named := regexp.MustCompile(form.pattern).FindStringSubmatch(line); named != nil {
					known = true
					form.holds(t, named)
				}
			}
			require.True(t, known, "%s: no test runs %q", b.document, line)
		}
	}
	require.Greater(t, seen, 30)
}

// requireTarget looks for a target, and for its flags or arguments.
func requireTarget(t *testing.T, named []string) {
	t.Helper()
	target := regexp.MustCompile(`(?mi)^func ` + named[1] + `\(([^)]*)\)`).FindStringSubmatch(read(t, "magefile.go"))
	require.NotNil(t, target, named[0])
	for argument := range strings.FieldsSeq(named[2]) {
		require.NotEmpty(t, target[1], "%s takes no argument", named[1])
		if flag, isFlag := strings.CutPrefix(argument, "-"); isFlag {
			flag, _, _ = strings.Cut(flag, "=")
			require.Regexp(t, `\b`+flag+`\b`, target[1], named[0])
		}
	}
}

var runFlag = regexp.MustCompile(`-(?:run|bench) '?([^' ]+)'?`)

// ownFlag is one that go test does not have.
var ownFlag = regexp.MustCompile(` -(update|fault-table|once-table|planted-lines|update-rfc6455)\b`)

// requireTests looks for the tests, and for flags that they make.
func requireTests(t *testing.T, named []string) {
	t.Helper()
	names := testNames(t, named[1])
	for _, run := range runFlag.FindAllStringSubmatch(named[0], -1) {
		if run[1] != "NONE" {
			require.True(t, slices.ContainsFunc(names, regexp.MustCompile(run[1]).MatchString), "%s: no test of %s is run", named[0], named[1])
		}
	}
	for _, flag := range ownFlag.FindAllStringSubmatch(named[0], -1) {
		require.Contains(t, sourceOf(t, named[1], "*_test.go"), `("`+flag[1]+`"`, named[0])
	}
}

func requireProgram(t *testing.T, named []string) {
	t.Helper()
	code := sourceOf(t, named[1], "*.go")
	require.Contains(t, code, "\nfunc main() {", named[0])
	for _, flag := range regexp.MustCompile(` -(\w+) `).FindAllStringSubmatch(named[2]+" ", -1) {
		require.Contains(t, code, `"`+flag[1]+`"`, named[0])
	}
}

// runBy says which test runs a command; it has to be there.
func runBy(name string) func(*testing.T, []string) {
	return func(t *testing.T, _ []string) {
		t.Helper()
		require.Contains(t, testNames(t, "."), name)
	}
}

func sourceOf(t *testing.T, folder, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(beattest.Root(t), folder, pattern))
	require.NoError(t, err)
	require.NotEmpty(t, files, folder)
	var code strings.Builder
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		code.Write(content)
	}
	return code.String()
}

var testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Benchmark|Fuzz)\w+)\(`)

// testNames returns the tests in a folder, below the root, and in those below it.
func testNames(t *testing.T, folder string) (names []string) {
	t.Helper()
	root := beattest.Root(t)
	err := filepath.WalkDir(filepath.Join(root, strings.TrimSuffix(folder, "/...")), func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && strings.HasPrefix(entry.Name(), "."):
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		content, err := os.ReadFile(path)
		for _, match := range testFunc.FindAllStringSubmatch(string(content), -1) {
			names = append(names, match[1])
		}
		return err
	})
	require.NoError(t, err)
	return names
}
