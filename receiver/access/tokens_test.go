// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func writeFile(t testing.TB, name, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
}

func TestATokenFile(t *testing.T) {
	for name, test := range map[string]struct {
		content  string
		good     []string
		bad      []string
		errorHas string
	}{
		"a token a line":                      {content: "one\ntwo\n", good: []string{"one", "two"}, bad: []string{"", "on", "one\n", "one ", "three", "ONE"}},
		"the last line break may be missing":  {content: "one\r\ntwo", good: []string{"one", "two"}},
		"comments and empty lines":            {content: "# one\n\n  two  \n\t#three\n", good: []string{"two"}, bad: []string{"one", "# one", "#three", "three"}},
		"a hash inside is part of it":         {content: "a#b\n", good: []string{"a#b"}, bad: []string{"a"}},
		"no token":                            {content: "# nothing\n", errorHas: "contains no token"},
		"an empty file":                       {content: "", errorHas: "contains no token"},
		"two words in a line":                 {content: "one\nsecret words\n", errorHas: "line 2: not one token"},
		"a letter beyond ASCII":               {content: "geheimnis\u00e4\n", errorHas: "line 1: not one token"},
		"a file that is none of this purpose": {content: strings.Repeat("x", maxSecretFileBytes+1), errorHas: "longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "tokens")
			writeFile(t, file, test.content)
			tokens, err := OpenTokens(file, nil)
			if test.errorHas != "" {
				require.ErrorContains(t, err, test.errorHas)
				require.ErrorContains(t, err, file)
				require.NotContains(t, err.Error(), "secret")
				return
			}
			require.NoError(t, err)
			for _, token := range test.good {
				require.True(t, tokens.Valid(token), token)
			}
			for _, token := range test.bad {
				require.False(t, tokens.Valid(token), token)
			}
		})
	}
	t.Run("a file that is not there", func(t *testing.T) {
		_, err := OpenTokens(filepath.Join(t.TempDir(), "none"), nil)
		require.ErrorIs(t, err, os.ErrNotExist)
	})
}

func TestAChangedTokenFileIsReadAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	writeFile(t, file, "one\n")
	var errors []error
	tokens, err := OpenTokens(file, func(err error) { errors = append(errors, err) })
	require.NoError(t, err)
	require.True(t, tokens.Valid("one"))
	writeFile(t, file, "two\n") // as long, and perhaps in the same tick of the clock
	require.True(t, tokens.Valid("two"))
	require.False(t, tokens.Valid("one"))

	writeFile(t, file, "not a token\n")
	for range 3 {
		require.True(t, tokens.Valid("two"), "the last good ones stay")
	}
	require.Len(t, errors, 1, "said once")
	require.NoError(t, os.Remove(file))
	require.True(t, tokens.Valid("two"))
	require.Len(t, errors, 2)
	require.ErrorIs(t, errors[1], os.ErrNotExist)

	other := file + ".new"
	writeFile(t, other, "333\n")
	old := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(other, old, old))
	require.NoError(t, os.Rename(other, file))
	require.True(t, tokens.Valid("333"))
	require.False(t, tokens.Valid("two"))
	reads := tokens.file.load
	tokens.file.load = func() ([]tokenDigest, error) {
		require.Fail(t, "the file has not changed for an hour")
		return reads()
	}
	require.True(t, tokens.Valid("333"))
	tokens.file.load = reads
	writeFile(t, file, "# nobody\n")
	require.False(t, tokens.Valid("333"), "an emptied file locks everyone out")
	require.Len(t, errors, 2)
}

func FuzzTokenFile(f *testing.F) {
	f.Add([]byte("one\n# two\r\n\n three "))
	f.Add([]byte("one two"))
	f.Fuzz(func(t *testing.T, content []byte) {
		digests, err := parseTokens(content)
		if err != nil {
			require.Empty(t, digests)
			require.Less(t, len(err.Error()), 80)
			return
		}
		require.LessOrEqual(t, len(digests), bytes.Count(content, []byte("\n"))+1)
		again, err := parseTokens(append(content, "\n#"...))
		require.NoError(t, err)
		require.Equal(t, digests, again)
	})
}
