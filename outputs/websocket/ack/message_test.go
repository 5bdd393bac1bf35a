// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package ack

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
)

func messageStrategy(t *testing.T, field string) Strategy {
	t.Helper()
	kind, err := Get("message")
	require.NoError(t, err)
	return kind.New(Config{Field: field})
}

func TestRepliesBecomeVerdicts(t *testing.T) {
	for reply, want := range map[string]Verdict{
		`{"ack": 17}`: {Confirmed: 17},
		`{"nack": 18, "reason": "full", "retry": true}`:     {Refused: &Refusal{Message: 18, Reason: "full", Retry: true}},
		`{"nack": 18, "records": [3, 7], "retry": false}`:   {Refused: &Refusal{Message: 18, Records: []int{3, 7}}},
		`{"progress": true}`:                                {Progress: true},
		`{"pause": "5s"}`:                                   {Pause: 5 * time.Second},
		`{"ack": 3, "nack": 4, "retry": true, "other": {}}`: {Confirmed: 3, Refused: &Refusal{Message: 4, Retry: true}},
	} {
		verdict, err := messageStrategy(t, "").Message([]byte(reply))
		require.NoError(t, err, reply)
		require.Equal(t, want, verdict, reply)
	}
	_, err := messageStrategy(t, "").Message([]byte(`hello`))
	require.ErrorIs(t, err, protocol.ErrNoReply)
}

// The next ack would confirm what they refuse.
func TestRefusalsThatCannotBeReadEndTheConnection(t *testing.T) {
	for _, reply := range []string{
		`{"nack": 0}`, `{"nack": -1}`, `{"nack": "s3cret"}`, `{"nack": 1.5}`, `{"nack": 1, "records": [-1]}`, `{"nack": 1, "records": ["s3cret"]}`,
		`{"nack": 1, "reason": {}}`, `{"nack": 1, "retry": "s3cret"}`, `{"nack": 1, "pause": "s3cret"}`,
	} {
		verdict, err := messageStrategy(t, "").Message([]byte(reply))
		require.NoError(t, err, reply)
		require.ErrorIs(t, verdict.Failed, protocol.ErrNoReply, reply)
		require.NotContains(t, verdict.Failed.Error(), "s3cret")
	}
	for _, reply := range []string{``, `nack`, `[{"nack": 0}]`, `{"nack": null}`, `{"records": [1]}`, `{"ack": -1}`} {
		verdict, err := messageStrategy(t, "").Message([]byte(reply))
		require.ErrorIs(t, err, protocol.ErrNoReply, reply)
		require.Equal(t, Verdict{}, verdict, reply)
	}
}

func TestFieldOfAForeignReplyIsItsNumber(t *testing.T) {
	s := messageStrategy(t, "result.seq")
	for reply, want := range map[string]uint64{
		`{"result": {"seq": 17}}`:                           17,
		`{"result": {"seq": 18446744073709551615}, "x": 1}`: 18446744073709551615,
		`{"result": {"seq": 0}}`:                            0,
	} {
		verdict, err := s.Message([]byte(reply))
		require.NoError(t, err, reply)
		require.Equal(t, Verdict{Confirmed: want}, verdict, reply)
	}
	for _, reply := range []string{``, `17`, `{}`, `{"result": 17}`, `{"result": {}}`, `{"result": {"seq": "17"}}`, `{"result": {"seq": 1.5}}`, `{"result": {"seq": -1}}`, `{"result": {"seq": null}}`, `{"result": {"seq": [1]}}`} {
		_, err := s.Message([]byte(reply))
		require.Error(t, err, reply)
	}
}

func TestTheSubprotocolIsAskedForUnlessTheServerHasItsOwnReplies(t *testing.T) {
	kind, err := Get("message")
	require.NoError(t, err)
	require.Equal(t, "filebeat.ack.v1", kind.Subprotocol(Config{}))
	require.Empty(t, kind.Subprotocol(Config{Field: "a"}))
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte(`{"ack": 17}`))
	f.Add([]byte(`{"a": {"b": 17}}`))
	f.Add([]byte(`{"a": {"b": 1e5}}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, field := range []string{"", "a.b"} {
			verdict, err := messageStrategy(t, field).Message(payload)
			if err != nil {
				require.Equal(t, Verdict{}, verdict)
			}
			require.Nil(t, verdict.Ping)
		}
	})
}
