// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
	"filebeat-websocket/testing/beattest"
)

func TestEveryReplyInTheDocumentIsOne(t *testing.T) {
	kinds := map[string]bool{}
	for _, block := range fencedBlocks(t, "json") {
		for line := range strings.Lines(block) {
			message := strings.TrimSuffix(line, "\n")
			reply, err := protocol.ParseReply([]byte(message))
			require.NoError(t, err, message)
			again, err := protocol.ParseReply(protocol.AppendReply(nil, reply))
			require.NoError(t, err)
			require.Equal(t, reply, again)
			kinds[fmt.Sprintf("ack %t, nack %t, retry %t, records %t, progress %t, pause %t",
				reply.Ack > 0, reply.Nack > 0, reply.Retry, reply.Records != nil, reply.Progress, reply.Pause > 0)] = true
		}
	}
	require.Len(t, kinds, 7, "ack, four kinds of nack, progress, pause")
}

func TestTheReplyInBytesIsTheFrameOfAnAck(t *testing.T) {
	payload := protocol.AppendAck(nil, 17)
	content, err := os.ReadFile(filepath.Join(beattest.Root(t), protocolFile))
	require.NoError(t, err)
	require.Contains(t, string(content), fmt.Sprintf("\n% x\n", append([]byte{0x81, byte(len(payload))}, payload...)))
}

func TestTheUpgradeInTheDocumentIsAnsweredAsItSays(t *testing.T) {
	blocks := fencedBlocks(t, "http")
	require.Len(t, blocks, 2)
	request, answer := strings.ReplaceAll(blocks[0], "\n", "\r\n"), strings.ReplaceAll(blocks[1], "\n", "\r\n")
	documented, err := http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), nil)
	require.NoError(t, err)
	require.NoError(t, documented.Body.Close())

	each(t, func(t *testing.T, r *receiver) {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", "127.0.0.1:"+r.port)
		require.NoError(t, err)
		defer func() { _ = conn.Close() }()
		require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
		_, err = conn.Write([]byte(request))
		require.NoError(t, err)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, documented.Status, response.Status)
		for name, values := range documented.Header {
			require.Equal(t, values, response.Header[name], name)
		}
	})
}
