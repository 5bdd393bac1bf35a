// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func write(t *testing.T, name, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
}

func TestTheSharedKeyIsReadAgain(t *testing.T) {
	name := filepath.Join(t.TempDir(), "key")
	var problems []string
	onError := func(err error) { problems = append(problems, err.Error()) }
	for content, want := range map[string]string{
		"":                        "contains no key",
		"\n":                      "contains no key",
		"secret\nsecret":          "more than one line",
		strings.Repeat("x", 1025): "longer than 1024 bytes",
	} {
		write(t, name, content)
		_, err := OpenSharedKey(name, onError)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "secret")
	}
	for content, want := range map[string]string{"key": "key", "two words\r\n": "two words", " key \n\n": " key "} {
		write(t, name, content)
		key, err := OpenSharedKey(name, onError)
		require.NoError(t, err)
		require.Equal(t, want, key.Get())
	}
	write(t, name, "first\r\n")
	key, err := OpenSharedKey(name, onError)
	require.NoError(t, err)
	require.Equal(t, "first", key.Get())
	write(t, name, "second one")
	require.Equal(t, "second one", key.Get())
	write(t, name, "")
	require.Equal(t, "second one", key.Get())
	require.Len(t, problems, 1)
}

func TestUsersAreReadAgain(t *testing.T) {
	name := filepath.Join(t.TempDir(), "users")
	var problems []string
	onError := func(err error) { problems = append(problems, err.Error()) }
	for content, want := range map[string]string{
		"":              "contains no user",
		"alice\n":       "line 1: not user:password",
		"a:b\n:secret":  "line 2: not user:password",
		"a:b\nsecret:":  "line 2: not user:password",
		"# a:b\n  \n\t": "contains no user",
	} {
		write(t, name, content)
		_, err := OpenUsers(name, onError)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "secret")
	}
	write(t, name, "# who\n\nalice:pa55:word\n")
	users, err := OpenUsers(name, onError)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"alice": "pa55:word"}, users.Get())
	write(t, name, "bob:x\nalice:y")
	require.Equal(t, map[string]string{"alice": "y", "bob": "x"}, users.Get())
	write(t, name, "bob")
	require.Len(t, users.Get(), 2)
	require.Len(t, problems, 1)
	write(t, name, "# nobody\n")
	require.Empty(t, users.Get())
	require.NotNil(t, users.Get(), "everyone is locked out")
}
