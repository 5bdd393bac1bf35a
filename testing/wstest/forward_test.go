// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package wstest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStrictPingIsAsStrictAsFluentBit(t *testing.T) {
	require.NoError(t, StrictPing([]byte("\x96\xa4PING\xa5agent\xa2ab\xa6digest\xa0\xa0")))
	for name, message := range map[string]string{
		"a salt in bin":    "\x96\xa4PING\xa5agent\xc4\x02ab\xa6digest\xa0\xa0",
		"no salt":          "\x96\xa4PING\xa5agent\xa0\xa6digest\xa0\xa0",
		"nil for no user":  "\x96\xa4PING\xa5agent\xa2ab\xa6digest\xc0\xc0",
		"five elements":    "\x95\xa4PING\xa5agent\xa2ab\xa6digest\xa0",
		"more behind it":   "\x96\xa4PING\xa5agent\xa2ab\xa6digest\xa0\xa0\xc0",
		"an end too early": "\x96\xa4PING\xa5agent",
		"not an array":     "PING",
	} {
		require.Error(t, StrictPing([]byte(message)), name)
	}
}
