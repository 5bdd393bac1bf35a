// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
)

// dialDeflate offers permessage-deflate.
func dialDeflate(t testing.TB, url string) *testClient {
	t.Helper()
	dialer := websocket.Dialer{EnableCompression: true, Subprotocols: []string{protocol.Subprotocol}}
	ws, res, err := dialer.DialContext(t.Context(), url, nil)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Contains(t, res.Header.Get("Sec-Websocket-Extensions"), "permessage-deflate")
	return receive(t, ws)
}

// deflated is a compressed text frame, RFC 7692 7.2.1.
func deflated(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	require.NoError(t, err)
	_, err = w.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Flush())
	payload := bytes.TrimSuffix(b.Bytes(), []byte{0, 0, 0xff, 0xff})
	const compressedText = 0xc1
	head := binary.BigEndian.AppendUint64([]byte{compressedText, 0x80 | 127}, uint64(len(payload)))
	return string(append(append(head, 0, 0, 0, 0), payload...))
}

func TestCompressedMessages(t *testing.T) {
	const limit = 1 << 20
	serve := func(t *testing.T) (*memorySink, *testClient) {
		t.Helper()
		s := &memorySink{}
		_, url := start(t, s, Options{MaxMessageBytes: limit})
		return s, dialDeflate(t, url)
	}
	t.Run("are taken, as are others on the same connection, and acks are not compressed", func(t *testing.T) {
		s, c := serve(t)
		long := fmt.Sprintf(`{"message":%q}`, strings.Repeat("a b ", limit/8))
		c.frames(t, deflated(t, long), maskedFrame(textFrame, `{"n":2}`), deflated(t, `{"n":3}`+"\n"+`{"n":4}`))
		for got := ""; got != `{"ack":3}`; {
			got = take(t, c.messages)
		}
		require.Equal(t, []string{long, `{"n":2}`, `{"n":3}`, `{"n":4}`}, s.got())
		require.Equal(t, len(long), s.messages[0].Bytes, "after decompression")
	})
	t.Run("up to the limit", func(t *testing.T) {
		s, c := serve(t)
		exact := `"` + strings.Repeat("x", limit-2) + `"`
		c.frames(t, deflated(t, exact))
		require.Equal(t, `{"ack":1}`, take(t, c.messages))
		require.Len(t, s.got(), 1)
		c.frames(t, deflated(t, exact+" "))
		require.Equal(t, &websocket.CloseError{Code: 1009, Text: "message is longer than 1048576 bytes"}, take(t, c.ended))
	})
	t.Run("a bomb is cut at the limit, and costs no more than that", func(t *testing.T) {
		s, c := serve(t)
		bomb := deflated(t, strings.Repeat("\x20", 64<<20)) // some hundredth as long on the wire
		require.Less(t, len(bomb), limit)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		c.frames(t, maskedFrame(textFrame, `{"n":1}`), bomb)
		require.Equal(t, `{"ack":1}`, take(t, c.messages), "what came before is confirmed")
		require.Equal(t, &websocket.CloseError{Code: 1009, Text: "message is longer than 1048576 bytes"}, take(t, c.ended))
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16*limit))
		require.Equal(t, []string{`{"n":1}`}, s.got())
	})
	t.Run("that are none end the connection", func(t *testing.T) {
		s, c := serve(t)
		garbage := []byte(deflated(t, `{"n":1}`))
		copy(garbage[len(garbage)-6:], "\xff\xff\xff\xff\xff\xff")
		c.frames(t, string(garbage))
		require.Error(t, take(t, c.ended))
		require.Empty(t, s.got())
	})
	t.Run("are refused from a client that has not offered them", func(t *testing.T) {
		_, url := start(t, new(memorySink), Options{})
		c := dial(t, url)
		c.frames(t, deflated(t, `{"n":1}`))
		closed := (*websocket.CloseError)(nil)
		require.ErrorAs(t, take(t, c.ended), &closed)
		require.Equal(t, websocket.CloseProtocolError, closed.Code)
	})
}
