// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
)

func TestHalfARequestIsNotStoredAsText(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.ndjson")
	p := begin(t, "--out", out)
	const reason = "binary message is neither UTF-8 nor whole MessagePack; for other text set the format raw"
	request := []byte("\x93\xa8filebeat\xc4\x01") // of Fluent Forward; it ends in its tag below
	for _, subprotocols := range [][]string{nil, {protocol.Subprotocol}} {
		dialer := websocket.Dialer{Subprotocols: subprotocols}
		ws, res, err := dialer.DialContext(t.Context(), p.log.url(t), nil)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.NoError(t, ws.WriteMessage(websocket.BinaryMessage, request[:6]))
		_, reply, err := ws.ReadMessage()
		if subprotocols == nil {
			require.Equal(t, &websocket.CloseError{Code: 1007, Text: reason}, err)
		} else {
			require.NoError(t, err)
			require.Equal(t, `{"nack":1,"reason":"`+reason+`","retry":false}`, string(reply))
		}
		require.NoError(t, ws.Close())
	}
	require.Equal(t, exitOK, p.stop())
	content, err := os.ReadFile(out)
	require.NoError(t, err)
	require.Empty(t, content)
}
