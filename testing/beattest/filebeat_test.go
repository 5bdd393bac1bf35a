// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package beattest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRegistryOffsetsOfAFilebeatThatWasRestarted(t *testing.T) {
	setup := Setup{Dir: t.TempDir()}
	folder := filepath.Join(setup.Dir, "data", "registry", "filebeat")
	require.NoError(t, os.MkdirAll(folder, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "log.json"), []byte(`{"op":"set","id":1}
{"k":"f1","v":{"cursor":{"offset":1608000},"meta":{"source":"/logs/a.log"}}}
{"op":"set","id":2}
{"k":"f1","v":{"cursor":{"offset":1.608e+06},"meta":{"source":"/logs/a-1.log"}}}
`), 0o600))
	require.Equal(t, int64(1_608_000), setup.RegistryOffsets(t)["a-1.log"])
}
