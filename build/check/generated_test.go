// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package check

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUpToDate(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "file.txt", "content\n")
	generate := func(content string, err error) func() ([]byte, error) {
		return func() ([]byte, error) { return []byte(content), err }
	}
	require.NoError(t, upToDate("file.txt", generate("content\n", nil), "target"))
	require.EqualError(t, upToDate("file.txt", generate("other\n", nil), "target"),
		"file.txt is not up to date; write it with: go tool mage target")
	require.ErrorContains(t, upToDate("file.txt", generate("", errors.New("no module")), "target"), "no module")
	require.ErrorContains(t, upToDate("missing.txt", generate("", nil), "target"), "missing.txt")
}

func TestReference(t *testing.T) {
	t.Chdir(root)
	require.NoError(t, Reference())
}
