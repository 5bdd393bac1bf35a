// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
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
		var bad []int
		given := 0
		said := &Refusal{Reason: "said", Retry: retry}
		var want []int
		for i, fate := range fates {
			if fate == 1 {
				bad = append(bad, i)
			} else {
				if fate == 2 {
					said.Records = append(said.Records, given)
				}
				given++
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
		outcome := Taken(err, given)
		require.NoError(t, outcome.Err)
		got := refusalOfMessage(outcome.Refusal, bad, errors.New("bad"), len(fates))
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
