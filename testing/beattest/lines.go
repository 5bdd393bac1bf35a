// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package beattest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// LineBytes is the length of a line that AppendLines writes, without its newline.
const LineBytes = 200

// Line returns line number seq, padded to LineBytes.
func Line(seq int) string {
	line := fmt.Sprintf(`192.0.2.%d - - [05/Feb/2021:22:17:%02d +0000] "GET /articles/%d HTTP/1.1" 200 %d "-" "test" seq=%d `,
		seq%250+1, seq%60, seq%1000, seq%5000, seq)
	return line + strings.Repeat("x", max(0, LineBytes-len(line)))
}

// WriteLines writes the lines from number first to last, each with a newline.
func WriteLines(w io.Writer, first, last int) error {
	buffered := bufio.NewWriterSize(w, 1<<20)
	for seq := first; seq <= last; seq++ {
		if _, err := buffered.WriteString(Line(seq) + "\n"); err != nil {
			return err
		}
	}
	return buffered.Flush()
}

// AppendLines appends the lines from number first to last to the file at path, and
// creates it if necessary.
func AppendLines(tb testing.TB, path string, first, last int) {
	tb.Helper()
	require.NoError(tb, os.MkdirAll(filepath.Dir(path), 0o755))
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	require.NoError(tb, err)
	require.NoError(tb, WriteLines(file, first, last))
	require.NoError(tb, file.Close())
}
