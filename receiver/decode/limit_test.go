// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

import (
	"bytes"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/require"
	"github.com/tinylib/msgp/msgp"
)

// TestRecordsKeepToTheirLimit has messages whose records take much more memory
// than they themselves.
func TestRecordsKeepToTheirLimit(t *testing.T) {
	const limit = 1 << 20
	entry := msgp.AppendMapHeader(msgp.AppendInt(msgp.AppendArrayHeader(nil, 2), 0), 0)
	entries := bytes.Repeat(entry, 200_000)
	var zipped bytes.Buffer
	writer := gzip.NewWriter(&zipped)
	_, err := writer.Write(entries)
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	bomb := msgp.AppendStringFromBytes(msgp.AppendArrayHeader(nil, 3), []byte("tag"))
	bomb = msgp.AppendBytes(bomb, zipped.Bytes())
	bomb = msgp.AppendString(msgp.AppendString(msgp.AppendMapHeader(bomb, 1), "compressed"), "gzip")
	empty := append(msgp.AppendStringFromBytes(msgp.AppendArrayHeader(nil, 2), []byte("t")), 0x90)

	for name, test := range map[string]struct {
		format string
		binary bool
		data   []byte
	}{
		"tiny objects":                   {"json_stream", false, []byte(strings.Repeat("{}", 300_000))},
		"tiny objects, found out":        {Auto, false, []byte(strings.Repeat("{}", 300_000))},
		"an array of them":               {"json_array", false, []byte("[" + strings.Repeat("{},", 300_000) + "{}]")},
		"lines":                          {"json_lines", false, []byte(strings.Repeat("1\n", 300_000))},
		"bad lines":                      {"json_lines", false, []byte(strings.Repeat("x\n", 300_000))},
		"control characters":             {"raw", true, make([]byte, 500_000)},
		"control characters, found out":  {Auto, true, make([]byte, 500_000)},
		"entries of MessagePack":         {"msgpack", true, entries},
		"entries that are gzip":          {"forward", true, bomb},
		"entries that are gzip, in auto": {Auto, true, bomb},
		"requests without entries":       {"forward", true, bytes.Repeat(empty, 200_000)},
		"short lines of CSV":             {"csv", false, []byte(strings.Repeat("a\n", 300_000))},
		"many columns":                   {"csv", false, []byte(strings.Repeat(strings.Repeat(",", 50)+"\n", 10_000))},
		"short lines of LTSV":            {"ltsv", false, []byte(strings.Repeat("a:b\n", 200_000))},
		"short forms":                    {"form", false, []byte(strings.Repeat("a=b\n", 200_000))},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := New(test.format, Options{})
			require.NoError(t, err)
			var list Records
			list.Limit(limit, true)
			require.ErrorIs(t, d.Decode(bytes.Clone(test.data), test.binary, &list), ErrMemory)
			// What was asked for last may have been twice as much.
			require.LessOrEqual(t, list.Memory(), int64(2.5*limit))
			list = Records{}
			list.Limit(d.MaxMemory(), false)
			err = d.Decode(bytes.Clone(test.data), test.binary, &list)
			require.NotErrorIs(t, err, ErrMemory, "there is room for it in MaxMemory")
			require.LessOrEqual(t, list.Memory(), d.MaxMemory())
		})
	}
}
