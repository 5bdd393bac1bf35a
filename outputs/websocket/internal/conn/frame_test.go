// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

// lengths are those at which the header changes its form (RFC 6455 5.2), and
// their neighbours.
var lengths = []int{0, 1, 125, 126, 127, 65535, 65536, 1 << 20}

func randomBytes(t *testing.T, length int) []byte {
	t.Helper()
	random := make([]byte, length)
	_, err := rand.Read(random)
	require.NoError(t, err)
	return random
}

func TestAnotherImplementationReadsTheMessages(t *testing.T) {
	for _, binaryFrame := range []bool{false, true} {
		for _, maxFrameBytes := range []int{0, 1024} {
			t.Run(fmt.Sprintf("binary %v, frames of at most %d bytes", binaryFrame, maxFrameBytes), func(t *testing.T) {
				options := testOptions()
				options.MaxFrameBytes = maxFrameBytes
				c, server := gorilla(t, options)
				pings := make(chan string, len(lengths))
				server.SetPingHandler(func(payload string) error {
					pings <- payload
					return nil
				})
				messages := make([][]byte, len(lengths))
				for i, length := range lengths {
					messages[i] = randomBytes(t, length)
				}
				written := make(chan error, 1)
				go func() {
					for i, message := range messages {
						if err := c.AppendMessage(binaryFrame, len(message), func(dst []byte) []byte { return append(dst, message...) }); err != nil {
							written <- err
							return
						}
						c.AppendPing(fmt.Append(nil, i))
					}
					written <- c.Flush()
				}()
				want := websocket.TextMessage
				if binaryFrame {
					want = websocket.BinaryMessage
				}
				for i := range messages {
					kind, got, err := server.ReadMessage()
					require.NoError(t, err)
					require.Equal(t, want, kind)
					require.True(t, bytes.Equal(messages[i], got), "message of %d bytes", lengths[i])
				}
				require.NoError(t, take(t, written))
				for i := range len(messages) - 1 {
					require.Equal(t, fmt.Sprint(i), take(t, pings))
				}
			})
		}
	}
}

func TestAFrameIsMaskedAndItsHeaderIsTheShortest(t *testing.T) {
	for _, length := range lengths {
		for _, fin := range []bool{true, false} {
			payload := randomBytes(t, length)
			before := bytes.Clone(payload)
			dst := appendFrame([]byte("kept"), fin, opBinary, payload)
			require.Equal(t, before, payload, "the payload is not masked in place")
			require.Equal(t, "kept", string(dst[:4]))
			require.LessOrEqual(t, len(dst), 4+maxHeaderBytes+length)

			p := &peer{in: bufio.NewReader(bytes.NewReader(dst[4:]))}
			f, err := p.frame()
			require.NoError(t, err)
			require.Equal(t, fin, f.fin)
			require.Equal(t, opBinary, f.opcode)
			require.True(t, bytes.Equal(payload, f.payload))
			_, err = p.in.ReadByte()
			require.Error(t, err, "nothing behind the frame")
		}
	}
}

func TestALengthThatWasNotKnownBeforeIsTheShortestToo(t *testing.T) {
	for _, most := range lengths {
		for _, length := range lengths {
			if length > most {
				continue
			}
			payload := randomBytes(t, length)
			dst, payloadBytes := appendFrameOf([]byte("kept"), opText, most, func(dst []byte) []byte { return append(dst, payload...) })
			require.Equal(t, length, payloadBytes)
			require.Equal(t, "kept", string(dst[:4]))

			p := &peer{in: bufio.NewReader(bytes.NewReader(dst[4:]))}
			f, err := p.frame()
			require.NoError(t, err, "%d bytes of %d", length, most)
			require.Equal(t, wireFrame{true, opText, payload}, f)
			_, err = p.in.ReadByte()
			require.Error(t, err, "nothing behind the frame")
		}
	}
}

func TestEveryFrameHasAFreshKey(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		seen[string(appendFrame(nil, true, opPing, make([]byte, 4)))] = true
	}
	require.Greater(t, len(seen), 990)
}

func TestMaskDoesWhatTheRFCSaysByteByByte(t *testing.T) {
	const key = 0x04030201 // 1, 2, 3, 4 on the wire
	for length := range 200 {
		payload := randomBytes(t, length)
		want := bytes.Clone(payload)
		for i := range want {
			want[i] ^= byte(i%4 + 1)
		}
		masked := bytes.Clone(payload)
		mask(masked, key)
		require.Equal(t, want, masked, "length %d", length)
		mask(masked, key)
		require.Equal(t, payload, masked)
	}
}
