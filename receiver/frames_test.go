// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
	"filebeat-websocket/protocol/frames"
)

// masked returns a frame of a client; first has its bits and opcode.
func masked(first byte, payload string) []byte {
	key := []byte{1, 2, 3, 4}
	frame := []byte{first}
	switch {
	case len(payload) < 126:
		frame = append(frame, 0x80|byte(len(payload)))
	case len(payload) < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, 0x80|126), uint16(len(payload)))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, 0x80|127), uint64(len(payload)))
	}
	frame = append(frame, key...)
	for i := range len(payload) {
		frame = append(frame, payload[i]^key[i%4])
	}
	return frame
}

func closeBody(code uint16, reason string) string {
	return string(binary.BigEndian.AppendUint16(nil, code)) + reason
}

var brokenFrames = map[string]struct {
	frame  []byte
	code   protocol.CloseCode
	reason string
}{
	"not masked":                      {[]byte{0x81, 1, 'x'}, 1002, "a frame is not masked"},
	"RSV2":                            {masked(0xa1, "x"), 1002, "a reserved bit is set"},
	"RSV1 on a Ping":                  {masked(0xc9, ""), 1002, "a frame that does not begin a message is marked as compressed"},
	"a reserved data opcode":          {masked(0x83, "x"), 1002, "opcode 3 is reserved"},
	"a reserved control opcode":       {masked(0x8b, ""), 1002, "opcode 11 is reserved"},
	"a Ping in pieces":                {masked(0x09, ""), 1002, "a control frame is fragmented"},
	"a long Ping":                     {masked(0x89, strings.Repeat("x", 126)), 1002, "a control frame is longer than 125 bytes"},
	"a continuation of nothing":       {masked(0x80, "x"), 1002, "a continuation frame continues nothing"},
	"a message inside of another one": {slices.Concat(masked(0x01, "a"), masked(0x81, "b")), 1002, "a message begins inside of another one"},
	"a negative length":               {[]byte{0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}, 1002, "a length has its first bit set"},
	"half a close code":               {masked(0x88, "\x03"), 1002, "the payload of a Close frame has one byte"},
	"a close code that is never sent": {masked(0x88, closeBody(1005, "")), 1002, "close code 1005 is not for a Close frame"},
	"a close code below all":          {masked(0x88, closeBody(999, "")), 1002, "close code 999 is not for a Close frame"},
	"a close code of proxies":         {masked(0x88, closeBody(1014, "")), 1002, "close code 1014 is not for a Close frame"},
	"a reason that is not UTF-8":      {masked(0x88, closeBody(1000, "\xff")), 1007, "the reason of a Close frame is not UTF-8"},
	"a length beyond counting": {slices.Concat(masked(0x01, "a"), []byte{0x00, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}),
		1009, "message is longer than can be counted"},
}

func TestBrokenFramesAreNamed(t *testing.T) {
	good := slices.Concat(masked(0x81, "one"), masked(0x01, "t"), masked(0x89, "ping"), masked(0x80, strings.Repeat("w", 300)), masked(0xc2, ""), masked(0x8a, ""))
	for name, test := range brokenFrames {
		t.Run(name, func(t *testing.T) {
			for _, step := range []int{1, 3, 1 << 20} {
				f := frames.Checker{Limit: 1 << 20}
				taken := 0
				var fault *frames.Fault
				for chunk := range slices.Chunk(slices.Concat(good, test.frame), step) {
					var before int
					before, fault = f.Check(chunk)
					taken += before
					if fault != nil {
						break
					}
				}
				require.Equal(t, &frames.Fault{Code: test.code, Reason: test.reason}, fault)
				require.GreaterOrEqual(t, taken, len(good))
			}
		})
	}
}

// TestBrokenFramesEndWithACloseFrame also shows that what came before is confirmed.
func TestBrokenFramesEndWithACloseFrame(t *testing.T) {
	for name, test := range brokenFrames {
		t.Run(name, func(t *testing.T) {
			_, url := start(t, new(memorySink), Options{})
			c := dial(t, url, protocol.Subprotocol)
			c.frames(t, string(masked(0x81, "1")), string(test.frame))
			require.Equal(t, `{"ack":1}`, take(t, c.messages))
			require.Equal(t, &websocket.CloseError{Code: int(test.code), Text: test.reason}, take(t, c.ended))
		})
	}
	t.Run("a compressed message that is corrupt", func(t *testing.T) {
		_, url := start(t, new(memorySink), Options{})
		dialer := websocket.Dialer{EnableCompression: true}
		ws, res, err := dialer.DialContext(t.Context(), url, nil)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		c := receive(t, ws)
		c.frames(t, string(masked(0xc1, "\xff\xff\xff")))
		require.Equal(t, &websocket.CloseError{Code: 1007, Text: "compressed message is corrupt"}, take(t, c.ended))
	})
}
