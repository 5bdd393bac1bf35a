// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// numbered is a rule in a document.
var numbered = regexp.MustCompile(`(?m)^- <a id="(\w+)"></a>\*\*(\w+) (MUST|SHOULD)\*\* ((?:.+\n(?:  .+\n)*))`)

func TestDocumentsAndCodeHaveTheSameRules(t *testing.T) {
	files, err := filepath.Glob("../../../../docs/*.md")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	documented := map[string]bool{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		found := numbered.FindAllStringSubmatch(string(content), -1)
		require.Len(t, found, strings.Count(string(content), "<a id="), "%s: a rule that does not look like one", file)
		for _, rule := range found {
			anchor, id, level := rule[1], rule[2], rule[3]
			text := strings.Join(strings.Fields(rule[4]), " ")
			chosen, unknown := Named([]string{id})
			require.Empty(t, unknown, "wscheck does not know a rule of %s", file)
			code := chosen[0]
			require.Equal(t, strings.ToLower(id), anchor)
			require.Equal(t, string(code.Level), level, id)
			require.True(t, strings.HasPrefix(text, code.Title), "%s: %q does not begin with %q", id, text, code.Title)
			require.Equal(t, filepath.Base(code.Document), filepath.Base(file), id)
			require.False(t, documented[id], "%s is there twice", id)
			documented[id] = true
		}
	}
	for _, rule := range All {
		require.True(t, documented[rule.ID], "%s is in no document", rule.ID)
	}
}

func TestRulesAreWellFormed(t *testing.T) {
	place := map[string]int{}
	for i, rule := range All {
		require.Regexp(t, `^[A-Z]\d$`, rule.ID)
		require.NotContains(t, place, rule.ID)
		place[rule.ID] = i
	}
	for _, rule := range All {
		require.Equal(t, rule.check == nil, watching[rule.ID].sent != "", rule.ID)
		for mode := range strings.FieldsSeq(rule.Modes) {
			require.Contains(t, Modes(), mode)
		}
		for _, before := range rule.After {
			require.Less(t, place[before], place[rule.ID], "%s is checked after %s", rule.ID, before)
		}
	}
}
