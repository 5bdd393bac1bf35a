// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package installtest

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

const installationDocument = "installation.md"

// commands returns the commands of the document under that label.
func commands(t *testing.T, label string) (found []string) {
	t.Helper()
	for _, b := range blocks(t, installationDocument) {
		if b.language == "sh" && b.label == label {
			found = append(found, strings.TrimSpace(b.content))
		}
	}
	require.NotEmpty(t, found, label)
	return found
}

func TestEveryCommandOfTheDocumentIsRunByATest(t *testing.T) {
	known := []string{"check", "archive", "archive service", "deb", "rpm", "image", "run", "compose"} // compose: testing/kubernetes
	for _, b := range blocks(t, installationDocument) {
		if b.language == "ini" {
			continue // not a command
		}
		require.Equal(t, "sh", b.language)
		require.Contains(t, known, b.label)
	}
}

func TestSumsAreRight(t *testing.T) {
	check := command(t, "sh", "-euc", strings.Join(commands(t, "check"), "\n"))
	check.Dir = distFolder(t)
	sums := run(t, check)
	for _, pattern := range []string{"*.tar.gz", "filebeat-websocket-*.deb", "filebeat-websocket-*.rpm", "*-x86_64-filebeat.cdx.json"} {
		require.Contains(t, sums, filepath.Base(dist(t, pattern))+": OK\n")
	}
}

func TestPackagesInstallAsTheDocumentSays(t *testing.T) {
	need(t, "rpm", "rpm")
	for label, debian := range map[string]*strings.Replacer{
		"deb": strings.NewReplacer(),
		// The base of these machines is Debian, which does not use rpms.
		"rpm": strings.NewReplacer("rpm --install", "rpm --force-debian --nodeps --install"),
	} {
		t.Run(label, func(t *testing.T) {
			m := newMachine(t)
			output := m.shell("cd /mnt\n" + debian.Replace(strings.Join(commands(t, label), "\n")))
			require.Contains(t, output, "Config OK")
			require.Subset(t, m.systemctl(), []string{"enable --now filebeat", "enable --now wsreceiver"})
			require.False(t, m.has("/usr/share/filebeat/bin/filebeat"))
			require.False(t, m.has("/usr/bin/wsreceiver"))
		})
	}
}

func TestArchiveRunsAsTheDocumentSays(t *testing.T) {
	m := newMachine(t)
	require.Contains(t, m.shell("cd /mnt\n"+strings.Join(commands(t, "archive"), "\n")), "Config OK")
	folder := strings.TrimSpace(m.shell("echo /opt/filebeat-websocket-*"))
	var programs []*beattest.Process
	for _, line := range commands(t, "archive service") {
		programs = append(programs, beattest.StartProcess(t, m.command("sh", "-euc", "cd "+folder+"\nexec "+line)))
	}
	require.Len(t, programs, 2)
	m.shipTo(filepath.Join(folder, "records.ndjson"), programs[1], 1, 1000)
	require.Zero(t, programs[1].Stop())
	require.Zero(t, programs[0].Stop())
	require.True(t, m.has(filepath.Join(folder, "data", "registry")))
}

var documentedVariable = regexp.MustCompile("`([A-Z]+_[A-Z_]+)`")

func TestTheVariablesOfTheImageAreDocumented(t *testing.T) {
	root := beattest.Root(t)
	documented, used := map[string]bool{}, map[string]bool{}
	for _, match := range documentedVariable.FindAllStringSubmatch(read(t, filepath.Join(root, "docs", installationDocument)), -1) {
		documented[match[1]] = true
	}
	variable := regexp.MustCompile(`\$\{([A-Z_]+):`)
	for _, match := range variable.FindAllStringSubmatch(read(t, filepath.Join(root, "build", "docker", "filebeat.yml")), -1) {
		used[match[1]] = true
	}
	for _, name := range []string{"WSRECEIVER_OUT"} { // of Compose
		require.Contains(t, documented, name)
		delete(documented, name)
	}
	require.Equal(t, used, documented)
}
