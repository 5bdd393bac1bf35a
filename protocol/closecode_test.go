// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCloseCodesAreToldApart(t *testing.T) {
	var known, refusing []CloseCode
	for code := range CloseCode(3000) {
		if code.Known() {
			known = append(known, code)
		}
		if code.RefusesContent() {
			refusing = append(refusing, code)
		}
		require.False(t, code.Application(), code)
	}
	require.Equal(t, []CloseCode{1000, 1001, 1002, 1003, 1005, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014}, known)
	require.Equal(t, []CloseCode{1003, 1007, 1009}, refusing)
	for code, application := range map[CloseCode]bool{2999: false, 3000: true, 4999: true, 5000: false} {
		require.Equal(t, application, code.Application(), code)
		require.Equal(t, application, code.Known(), code)
	}
}
