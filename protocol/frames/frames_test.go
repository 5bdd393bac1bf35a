// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package frames

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
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

func TestAnEmptyCloseFrameIsAnsweredAlike(t *testing.T) {
	f := Checker{}
	stream := append(masked(0x88, ""), "whatever comes then"...)
	before, fault := f.Check(stream)
	require.Nil(t, fault)
	require.Equal(t, len(stream), before)
}

func TestTheLengthOfALongMessageIsKnown(t *testing.T) {
	f := Checker{Limit: 10}
	_, fault := f.Check(slices.Concat(masked(0x01, "123456"), masked(0x00, "789"), masked(0x80, "abc"), masked(0x81, strings.Repeat("x", 500))))
	require.Nil(t, fault)
	require.Equal(t, int64(12), f.Long(), "of the first one")
}

// Whatever arrives, what is passed on is a part of it, and pieces make no difference.
func FuzzFrames(f *testing.F) {
	f.Add(masked(0x83, "x"), 1)
	f.Add(masked(0x88, "\x03"), 1)
	f.Add(masked(0x88, "\x03\xe8\xff"), 1)
	f.Add(append(masked(0x01, "a"), 0x00, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4), 1)
	f.Add(masked(0x82, strings.Repeat("x", 1<<16)), 1000)
	f.Fuzz(func(t *testing.T, stream []byte, step int) {
		if step < 1 {
			return
		}
		whole := Checker{Limit: 100}
		before, fault := whole.Check(stream)
		require.LessOrEqual(t, before, len(stream))
		pieces := Checker{Limit: 100}
		var passed []byte
		var other *Fault
		for chunk := range slices.Chunk(stream, step) {
			var n int
			n, other = pieces.Check(chunk)
			passed = append(passed, chunk[:n]...)
			if other != nil {
				break
			}
		}
		require.Equal(t, fault, other)
		require.True(t, bytes.HasPrefix(stream, passed))
		require.GreaterOrEqual(t, len(passed), before)
		require.LessOrEqual(t, len(pieces.body), maxControlBytes)
	})
}
