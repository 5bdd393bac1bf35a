// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"crypto/x509"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"filebeat-websocket/testing/beattest"
)

// ofKubernetes are not for filebeat: TestDocsOfKubernetes takes them.
const ofKubernetes = "docs/kubernetes.md"

// ofCustomBeat has an output of the Beat that the document makes.
const ofCustomBeat = "codec.csv:"

// testConfig runs `filebeat test config`, strictly: a setting of the output that
// is wrong, or unknown, is an error. Files of certificates that examples name are
// made.
func testConfig(t *testing.T, config string) (output string, err error) {
	t.Helper()
	folder := t.TempDir()
	ca := beattest.NewCA(t)
	certificate, key := beattest.WriteKeyPair(t, folder, ca.IssueAs(func(*x509.Certificate) {}), "")
	for name, file := range map[string]string{"ca.pem": certificate, "client.pem": certificate, "client.key": key} {
		config = strings.ReplaceAll(config, "/etc/filebeat/"+name, file)
	}
	file := filepath.Join(folder, "filebeat.yml")
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	filebeat := exec.CommandContext(t.Context(), beattest.Binary(t, "filebeat"), "test", "config", "-c", file, "--path.home", folder)
	filebeat.Dir = folder
	filebeat.Env = append(os.Environ(), "INGEST_TOKEN=an example reads it", "NODE_NAME=node", "POD_IP=127.0.0.1")
	printed, err := filebeat.CombinedOutput()
	return string(printed), err
}

const anInput = "filebeat.inputs: [{type: filestream, id: a, paths: [/var/log/a.log]}]\n"

// wholeFile completes an example with an input and an output, as filebeat requires.
func wholeFile(example string) string {
	if !strings.Contains(example, "filebeat.inputs:") {
		example = anInput + example
	}
	if !strings.Contains(example, "output.") {
		example += "output.discard.enabled: true\n"
	}
	return example
}

func TestEveryBlockOfYAMLIsWhatItShouldBe(t *testing.T) {
	taken := 0
	for i, b := range blocks(t) {
		if b.language != "yaml" {
			continue
		}
		t.Run(fmt.Sprintf("%s %d", b.document, i), func(t *testing.T) {
			t.Parallel()
			var value any
			require.NoError(t, yaml.UnmarshalStrict([]byte(b.text), &value), b.text)
			if b.document == ofKubernetes || strings.Contains(b.text, ofCustomBeat) || strings.Contains(b.text, "scrape_configs:") {
				return
			}
			output, err := testConfig(t, wholeFile(b.text))
			require.NoError(t, err, "%s\n%s", output, b.text)
		})
		taken++
	}
	require.Greater(t, taken, 15)
}

func TestAWrongSettingInAnExampleWouldBeFound(t *testing.T) {
	for _, wrong := range []string{
		"output.websocket: {hosts: [h], batchsize: 5}",
		"output.websocket: {hosts: [h], timeout: soon}",
		"output.websocket: {hosts: [h], format: csv}",
		`output.websocket: {hosts: ["wss://h"], ssl.certificate: /no/such/file}`,
	} {
		output, err := testConfig(t, wholeFile(wrong))
		require.Error(t, err, wrong)
		require.Contains(t, output, "output.websocket")
	}
}

// commentedOut is an option in the section of output.websocket; prose has a space
// behind the #.
var commentedOut = regexp.MustCompile(`(?m)^(\s+)#([a-z])`)

func TestTheReferenceFileIsTaken(t *testing.T) {
	reference := read(t, "filebeat.reference.yml")
	before, rest, found := strings.Cut(reference, "\noutput.websocket:\n")
	require.True(t, found)
	end := strings.Index(rest, "\n# ---")
	require.Positive(t, end)
	section, after := rest[:end], rest[end:]

	// Options that exclude each other, or that name files, are left out. With a queue
	// both at the top level and in the output, libbeat cannot know which is meant.
	left := []string{"addr", "ssl.certificate", "ssl.key", "ssl.key_passphrase", "ssl.certificate_authorities", "csv.fields", "csv.header", "csv.separator"}
	uncommented := commentedOut.ReplaceAllStringFunc(section, func(option string) string { return strings.Replace(option, "#", "", 1) })
	lines := strings.Split(uncommented, "\n")
	lines = slices.DeleteFunc(lines, func(line string) bool {
		key, _, isOption := strings.Cut(strings.TrimSpace(line), ":")
		return isOption && slices.Contains(left, key)
	})
	for name, file := range map[string]string{
		"as it is": reference,
		"with every option of ours that has a default": before + "\noutput.websocket:\n" + strings.Join(lines, "\n") + after,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var value any
			require.NoError(t, yaml.UnmarshalStrict([]byte(file), &value))
			output, err := testConfig(t, file)
			require.NoError(t, err, output)
		})
	}
	t.Run("with a setting that is wrong", func(t *testing.T) {
		t.Parallel()
		output, err := testConfig(t, before+"\noutput.websocket:\n  no_such_key: 1"+section+after)
		require.Error(t, err)
		require.Contains(t, output, "output.websocket.no_such_key")
	})
}

func TestTheShippedFileIsTaken(t *testing.T) {
	output, err := testConfig(t, read(t, "filebeat.yml"))
	require.NoError(t, err, output)
}
