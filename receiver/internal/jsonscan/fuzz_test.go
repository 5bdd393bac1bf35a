// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package jsonscan

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzScanner compares the Scanner with encoding/json: on the whole input, and on each of
// the values in it.
func FuzzScanner(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-0.5e+10,true,false,null,"\u00e9\"\\\n"],"b":{}}`, "[1, 2]\n{\"a\" :\r\n1}", `"x"`, "12", `1"a"`, "truefalse", "{}[]{}",
		"[1,]", `{"a":}`, `{"a" 1}`, "-", "01", "1.", "1e", "nul", `"\x"`, `"\u12g4"`, "\"a\x00\"", "\"\xff\"", " ", "",
		strings.Repeat("[", 65) + strings.Repeat("]", 65), `"` + strings.Repeat("long text ", 10) + `\\` + strings.Repeat("x", 9) + `"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s := Scanner{Data: data}
		values, err := 0, error(nil)
		for err == nil && !s.End() {
			var value []byte
			var lineBreaks bool
			before := s.Pos
			if value, lineBreaks, err = s.Record(); err != nil {
				break
			}
			values++
			require.Greater(t, s.Pos, before)
			require.True(t, json.Valid(value), "%q", value)
			var compact bytes.Buffer
			require.NoError(t, json.Compact(&compact, value))
			require.Equal(t, bytes.ContainsAny(value, "\r\n"), lineBreaks)
			require.Equal(t, compact.String(), string(Compact(bytes.Clone(value))))
		}
		if problem, ok := errors.AsType[*Error](err); ok {
			require.LessOrEqual(t, s.Pos, len(data))
			require.LessOrEqual(t, problem.at, len(data))
			if problem.TooDeep {
				return
			}
		}
		require.Equal(t, json.Valid(data), err == nil && values == 1)
	})
}
