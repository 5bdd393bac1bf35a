// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// checkJSONString holds that the string decodes to s with each invalid byte replaced.
func checkJSONString(t *testing.T, s string) {
	t.Helper()
	encoded := appendJSONString([]byte("x"), s)
	encoded = encoded[1:]
	require.True(t, utf8.Valid(encoded), "%q", encoded)

	var decoded string
	require.NoError(t, json.Unmarshal(encoded, &decoded), "%q", encoded)
	// A conversion to runes turns each byte that is not UTF-8 into U+FFFD.
	require.Equal(t, string([]rune(s)), decoded)
}

func FuzzJSONString(f *testing.F) {
	for _, piece := range awkwardPieces {
		f.Add(piece)
		f.Add("seven77" + piece + "and more than eight")
	}
	f.Fuzz(checkJSONString)
}

func TestJSONStringKeepsEveryByteAtEveryPlaceOfAWord(t *testing.T) {
	for b := range 256 {
		for before := range 17 {
			for _, fill := range []byte{'a', 0x7f, ' ', '!', '#', '[', ']', 0x1f} {
				s := make([]byte, 24)
				for i := range s {
					s[i] = fill
				}
				s[before] = byte(b)
				checkJSONString(t, string(s))
				checkJSONString(t, string(s[:before+1]))
			}
		}
	}
}

func TestJSONStringIsWhatLibbeatWrites(t *testing.T) {
	for s, expected := range map[string]string{
		"a\"\\\n\r\t\b\f\x7f": `"a\"\\\n\r\t\u0008\u000c` + "\x7f" + `"`,
		"<&>\u2028\u2029":     `"<&>\u2028\u2029"`,
		"\xff\xfeß":           `"\ufffd\ufffdß"`,
		"":                    `""`,
	} {
		require.Equal(t, expected, string(appendJSONString(nil, s)))
	}
}
