// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package jsonscan

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPassPlainFindsEveryByteAtEveryPlace compares eight bytes at a time with one
// at a time.
func TestPassPlainFindsEveryByteAtEveryPlace(t *testing.T) {
	for first := range 256 {
		for second := range 256 {
			for _, at := range []int{0, 1, 7, 8, 14} {
				data := bytes.Repeat([]byte{'x'}, 20)
				data[at], data[at+1] = byte(first), byte(second)
				want := len(data)
				switch {
				case !Plain[first]:
					want = at
				case !Plain[second]:
					want = at + 1
				}
				if got := passPlain(data, 0); got != want { // require would take a minute
					require.Equal(t, want, got, "%d %d at %d", first, second, at)
				}
			}
		}
	}
	require.Equal(t, 3, passPlain([]byte(`"""`), 3))
}
