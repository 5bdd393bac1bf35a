// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

// block is a fenced block of a document.
type block struct {
	document string // its path from the root of the module
	language string // the first word behind the fence, empty for none
	label    string // the rest of the words
	text     string
}

var fence = regexp.MustCompile("(?ms)^```([a-z]*) ?([^\n]*)\n(.*?)^```$")

// documents returns the documents for users, from the root of the module.
func documents(t *testing.T) []string {
	t.Helper()
	root := beattest.Root(t)
	found, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	require.NoError(t, err)
	require.Greater(t, len(found), 10)
	names := []string{"README.md"}
	for _, path := range found {
		names = append(names, "docs/"+filepath.Base(path))
	}
	return names
}

// read returns a file of the module.
func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(beattest.Root(t), path))
	require.NoError(t, err)
	return string(content)
}

// blocks returns all fenced blocks.
func blocks(t *testing.T) (found []block) {
	t.Helper()
	for _, document := range documents(t) {
		text := read(t, document)
		of := fence.FindAllStringSubmatch(text, -1)
		require.Equal(t, strings.Count(text, "```"), 2*len(of), "%s has a fence that is not at the beginning of a line, or not closed", document)
		for _, match := range of {
			found = append(found, block{document: document, language: match[1], label: match[2], text: match[3]})
		}
	}
	return found
}
