// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const troubleshooting = "docs/troubleshooting.md"

// quoted is code within a line.
var quoted = regexp.MustCompile("`([^`]+)`")

// quotedLines returns what the first columns of the tables of log lines quote.
func quotedLines(t *testing.T) (lines []string) {
	t.Helper()
	inTable := false
	for line := range strings.Lines(read(t, troubleshooting)) {
		switch {
		case strings.HasPrefix(line, "| in the log |"), strings.HasPrefix(line, `| behind "was ignored" |`):
			inTable = true
		case !strings.HasPrefix(line, "|"):
			inTable = false
		case inTable && !strings.HasPrefix(line, "|---"):
			cell, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " |")
			of := quoted.FindAllStringSubmatch(cell, -1)
			require.NotEmpty(t, of, line)
			for _, text := range of {
				lines = append(lines, text[1])
			}
		}
	}
	return lines
}

// between separates parts that come from different places of the code: variable
// parts, and causes.
var between = regexp.MustCompile(`\.\.\.|: `)

func TestEveryLineInTheDocumentIsInTheCode(t *testing.T) {
	code, stock := readSource(t), stockFolders(t)
	lines := quotedLines(t)
	require.Greater(t, len(lines), 80)
	for _, line := range lines {
		checked := 0
		for _, part := range between.Split(line, -1) {
			part = strings.Trim(part, " ;:(),")
			if len(part) < 3 {
				continue
			}
			checked++
			require.True(t, code.has(part) || inStock(t, stock, part), "the code says nothing like %q (in %q)", part, line)
		}
		require.Positive(t, checked, line)
	}
}

// unsaid are texts that users cannot see, or that are also logged elsewhere.
var unsaid = map[string]string{
	"the SOCKS library can't be canceled": "the library is pinned, and can",
}

func TestEveryLineOfTheOutputIsInTheDocument(t *testing.T) {
	document := read(t, troubleshooting)
	said := readSource(t).said
	require.Greater(t, len(said), 40)
	for _, format := range said {
		if unsaid[format] != "" {
			continue
		}
		for _, part := range verb.Split(format, -1) {
			part = strings.Trim(part, " ;:(),")
			if len(part) >= 3 {
				require.Contains(t, document, part, "of %q", format)
			}
		}
	}
}
