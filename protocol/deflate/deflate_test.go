// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package deflate

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnswersAndOffers(t *testing.T) {
	const both = "; server_no_context_takeover; client_no_context_takeover"
	for text, test := range map[string]struct{ isAnswer, isAcceptable bool }{
		"":          {false, false},
		"x-unknown": {false, false},
		Name:        {true, true},
		Name + both: {true, true},
		Name + both + "; client_no_context_takeover":         {false, false},
		Name + "; server_no_context_takeover=1":              {false, false},
		Name + "; client_no_context_takeover=":               {false, false},
		Name + "; server_max_window_bits=10":                 {true, false},
		Name + `; server_max_window_bits="10"`:               {true, false},
		Name + "; server_max_window_bits":                    {false, false},
		Name + "; server_max_window_bits=010":                {false, false},
		Name + "; client_max_window_bits":                    {false, true},
		Name + "; client_max_window_bits=15":                 {false, true},
		Name + "; client_max_window_bits=16":                 {false, false},
		Name + "; unknown":                                   {false, false},
		Name + "; server_max_window_bits=10, " + Name + both: {false, true},
	} {
		require.Equal(t, test.isAnswer, Parse(text).IsAnswer(), text)
		require.Equal(t, test.isAcceptable, Acceptable(strings.Split(text, ", ")), text)
		require.Equal(t, test.isAcceptable, Acceptable([]string{text}), text)
	}
}

func FuzzParameters(f *testing.F) {
	f.Add(Name + "; server_max_window_bits=10, " + Name)
	f.Add(`a;b="";;=`)
	f.Fuzz(func(_ *testing.T, text string) {
		Parse(text).IsAnswer()
		Acceptable([]string{text})
	})
}
