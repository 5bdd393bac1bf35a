// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestWhatIsSaidOfAMessageCoversBadRecordsAndThoseThatConsumeRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// What becomes of each record: 0 taken, 1 bad, 2 refused by Consume.
		fates := rapid.SliceOfN(rapid.IntRange(0, 2), 1, 20).Draw(t, "fates")
		retry := rapid.Bool().Draw(t, "retry")
		var list recordList
		said := &Refusal{Reason: "said", Retry: retry}
		var want []int
		for i, fate := range fates {
			if fate == 1 {
				list.refuse(errors.New("bad"))
			} else {
				if fate == 2 {
					said.Records = append(said.Records, len(list.records))
				}
				list.add([]byte("{}"), false)
			}
			if fate > 0 {
				want = append(want, i)
			}
		}
		var err error
		if len(said.Records) > 0 {
			slices.Reverse(said.Records) // any order will do
			err = said
		}
		got, err := refusalOfMessage(err, &list)
		require.NoError(t, err)
		switch {
		case len(want) == 0:
			require.Nil(t, got)
		case len(want) == len(fates) && len(said.Records) > 0:
			require.Equal(t, &Refusal{Reason: "said", Retry: retry}, got)
		case len(said.Records) > 0:
			require.Equal(t, &Refusal{Reason: "said", Retry: retry, Records: want}, got)
		default:
			require.Equal(t, &Refusal{Reason: "bad", Records: want}, got)
		}
	})
}

// FuzzRefusedLines: of a message in lines exactly those that are no JSON are
// refused, by their number among those that are not empty.
func FuzzRefusedLines(f *testing.F) {
	for _, seed := range []string{"", "{}\nx\n{}\n", "x", "\n \n{\n", "1 2\n", nested(65) + "\n{}"} {
		f.Add([]byte(seed))
	}
	o := Options{Consume: new(sink).Consume}
	require.NoError(f, o.complete())
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, name := range []string{"json_lines", formatAuto} {
			var list recordList
			list.reset()
			if err := formats[name].decode(message{data: slices.Clone(text), binary: true, options: &o}, &list); err != nil || name == formatAuto && len(list.bad) == 0 {
				continue // auto found lines only if it refused some
			}
			at := 0
			for line := range bytes.Lines(text) {
				line = bytes.Trim(line, " \t\r\n")
				if len(line) == 0 {
					continue
				}
				bad := slices.Contains(list.bad, at)
				deep := bytes.Count(line, []byte("{"))+bytes.Count(line, []byte("[")) > maxDepth
				require.True(t, bad != json.Valid(line) || bad && deep, "%s: %q", name, line)
				at++
			}
			require.Equal(t, at, list.total())
			require.Equal(t, len(list.bad) > 0, list.problem != nil)
			require.True(t, slices.IsSorted(list.bad))
		}
	})
}
