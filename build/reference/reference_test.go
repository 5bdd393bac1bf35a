// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package reference

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/build/beats"
)

// beatsFiles is the folder of the Beats module.
func beatsFiles(t *testing.T) fs.FS {
	t.Helper()
	folder, err := beats.Folder()
	require.NoError(t, err)
	return os.DirFS(folder)
}

func made(t *testing.T) string {
	t.Helper()
	file, err := Make()
	require.NoError(t, err)
	return string(file)
}

func TestStockTemplatesGiveElasticsOwnFile(t *testing.T) {
	set, err := stock(beatsFiles(t))
	require.NoError(t, err)
	file, err := execute(set)
	require.NoError(t, err)
	want, err := fs.ReadFile(beatsFiles(t), "filebeat/filebeat.reference.yml")
	require.NoError(t, err)
	require.Equal(t, string(want), string(file))
}

func TestTheFileIsUpToDate(t *testing.T) {
	there, err := os.ReadFile("../../" + File)
	require.NoError(t, err)
	require.Equal(t, made(t), string(there), "write it with: go tool mage reference")
}

func TestOnlyOurOutputIsEnabled(t *testing.T) {
	on := regexp.MustCompile(`(?m)^output\.\w+:`).FindAllString(made(t), -1)
	require.Equal(t, []string{"output.websocket:"}, on)
	off := regexp.MustCompile(`(?m)^#output\.\w+:`).FindAllString(made(t), -1)
	require.Equal(t, []string{
		"#output.elasticsearch:", "#output.logstash:", "#output.kafka:", "#output.redis:", "#output.file:", "#output.console:",
	}, off)
}

func TestAllElseIsAsInElasticsFile(t *testing.T) {
	stockFile, err := fs.ReadFile(beatsFiles(t), "filebeat/filebeat.reference.yml")
	require.NoError(t, err)
	// A line and the same line as a comment count as the same.
	plain := func(line string) string { return strings.Replace(strings.TrimSpace(line), "#", "", 1) }
	ours := map[string]bool{}
	for line := range strings.Lines(made(t)) {
		ours[plain(line)] = true
	}
	_, body, found := strings.Cut(string(stockFile), "Modules configuration =============================\n")
	require.True(t, found)
	for line := range strings.Lines(body) {
		require.True(t, ours[plain(line)], "a line is missing: %s", line)
	}
}

func TestAnOutputThatLooksDifferentIsAnError(t *testing.T) {
	changed := fstest.MapFS{}
	for _, folder := range []string{"libbeat/_meta/config", "filebeat/_meta/config"} {
		files, err := fs.Glob(beatsFiles(t), folder+"/*.tmpl")
		require.NoError(t, err)
		for _, file := range files {
			content, err := fs.ReadFile(beatsFiles(t), file)
			require.NoError(t, err)
			changed[file] = &fstest.MapFile{Data: content}
		}
	}
	changed["filebeat/module/one/_meta/config.yml"] = &fstest.MapFile{Data: []byte("- module: one\n")}
	changed["filebeat/module/one/_meta/fields.yml"] = &fstest.MapFile{Data: []byte("- key: one\n  title: \"One\"\n")}
	file, err := from(changed)
	require.NoError(t, err)
	require.Contains(t, string(file), "- One Module -----")

	changed["libbeat/_meta/config/"+stockOutput] = &fstest.MapFile{Data: []byte("# nothing that is on\n")}
	_, err = from(changed)
	require.ErrorContains(t, err, stockOutput)
}
