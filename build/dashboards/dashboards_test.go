// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRowsAreFull(t *testing.T) {
	for _, d := range All {
		for _, row := range d.Rows {
			require.Len(t, row.Panels, panelsInRow, row.Title)
		}
	}
}

func TestTheFilesAreThoseOfTheDescription(t *testing.T) {
	for _, d := range All {
		want, err := d.Make()
		require.NoError(t, err)
		content, err := os.ReadFile(d.File)
		require.NoError(t, err)
		require.Equal(t, string(want), string(content), "write it with: go tool mage dashboards")
	}
}
