// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTaken(t *testing.T) {
	broken, cause := errors.New("broken"), errors.New("cause")
	refusal := func(records ...int) *Refusal {
		return &Refusal{Reason: "no", Retry: true, Records: records, Cause: cause}
	}
	for name, test := range map[string]struct {
		err    error
		count  int
		want   Outcome
		isSome bool
	}{
		"all":                                   {nil, 3, Outcome{Count: 3}, true},
		"all of none":                           {nil, 0, Outcome{}, true},
		"nothing, by a refusal":                 {refusal(), 3, Outcome{Refusal: refusal()}, false},
		"nothing, by a refusal that is wrapped": {fmt.Errorf("x: %w", refusal()), 3, Outcome{Refusal: refusal()}, false},
		"nothing, by a refusal of each":         {refusal(2, 0, 1), 3, Outcome{Refusal: refusal(0, 1, 2)}, false},
		"nothing of none":                       {refusal(), 0, Outcome{Refusal: refusal()}, false},
		"some, in any order, named twice":       {refusal(2, 0, 2), 3, Outcome{Count: 1, Refusal: refusal(0, 2)}, true},
		"nothing, by another error":             {broken, 3, Outcome{Err: broken}, false},
	} {
		t.Run(name, func(t *testing.T) {
			got := Taken(test.err, test.count)
			require.Equal(t, test.want, got)
			require.Equal(t, test.isSome, got.Some())
		})
	}
	for _, records := range [][]int{{0, 3}, {-1, 0}} {
		said := refusal(records...)
		got := Taken(said, 3)
		require.ErrorContains(t, got.Err, "names record")
		_, isRefusal := errors.AsType[*Refusal](got.Err)
		require.False(t, isRefusal)
		require.False(t, got.Some())
		require.Equal(t, records, said.Records, "the Sink's own is left alone")
	}
	require.Zero(t, testing.AllocsPerRun(100, func() { _ = Taken(nil, 3) }))
}
