// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// table is a table of the docs. Its rows can be tested in any order.
type table struct {
	head  string
	mutex sync.Mutex
	lines []string
}

// add adds a line of the row with that number.
func (tb *table) add(number int, line fmt.Stringer) {
	tb.mutex.Lock()
	defer tb.mutex.Unlock()
	tb.lines = append(tb.lines, fmt.Sprintf("%03d%s\n", number, line))
}

// print logs the table, and writes it to the file unless that is empty.
func (tb *table) print(t *testing.T, file string) {
	t.Helper()
	slices.Sort(tb.lines)
	var whole strings.Builder
	whole.WriteString(tb.head)
	for _, line := range tb.lines {
		whole.WriteString(line[3:])
	}
	t.Log("\n" + whole.String())
	if file != "" {
		require.NoError(t, os.WriteFile(file, []byte(whole.String()), 0o600))
	}
}
