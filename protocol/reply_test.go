// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestParseReply(t *testing.T) {
	for message, want := range map[string]Reply{
		`{"ack": 17}`: {Ack: 17},
		`{"ack": 0}`:  {},
		`{"nack": 18, "reason": "disk full", "retry": true}`: {Nack: 18, Reason: "disk full", Retry: true},
		`{"nack": 18, "reason": "not JSON", "retry": false}`: {Nack: 18, Reason: "not JSON"},
		`{"nack": 18}`: {Nack: 18},
		`{"nack": 18, "records": [3, 7], "retry": false}`:       {Nack: 18, Records: []int{3, 7}},
		`{"progress": true}`:                                    {Progress: true},
		`{"pause": "5s"}`:                                       {Pause: 5 * time.Second},
		`{"ack": 1, "pause": "1m30s", "progress": true}`:        {Ack: 1, Pause: 90 * time.Second, Progress: true},
		`{"ack": 18446744073709551615}`:                         {Ack: 1<<64 - 1},
		`{"ack": 3, "server": "x", "took": {"ms": 3}, "z": []}`: {Ack: 3},
		" \n{\"ack\":3}\n":                                      {Ack: 3},
	} {
		t.Run(message, func(t *testing.T) {
			reply, err := ParseReply([]byte(message))
			require.NoError(t, err)
			require.Equal(t, want, reply)
		})
	}
}

func TestParseReplyRefuses(t *testing.T) {
	for _, message := range []string{
		``, `17`, `"ack"`, `[{"ack": 1}]`, `null`, `{}`, `{"hello": 1}`, `{"ack": "1"}`, `{"ack": -1}`, `{"ack": 1.5}`,
		`{"ack": 18446744073709551616}`, `{"nack": 0}`, `{"nack": 1, "records": [-1]}`, `{"nack": 1, "records": "3"}`,
		`{"pause": "soon"}`, `{"pause": "-1s"}`, `{"pause": 5}`, `{"progress": 1}`, `{"ack": 1} {"ack": 2}`, `{"ack": 1`,
	} {
		t.Run(message, func(t *testing.T) {
			_, err := ParseReply([]byte(message))
			require.ErrorIs(t, err, ErrNoReply)
		})
	}
}

func TestAppendedRepliesAreByteExact(t *testing.T) {
	require.Equal(t, `{"ack":17}`, string(AppendAck(nil, 17)))
	for want, reply := range map[string]Reply{
		`{"ack":17}`: {Ack: 17},
		`{"nack":18,"reason":"disk full","retry":true}`: {Nack: 18, Reason: "disk full", Retry: true},
		`{"nack":18,"retry":false,"records":[3,7]}`:     {Nack: 18, Records: []int{3, 7}},
		`{"progress":true}`:                             {Progress: true},
		`{"pause":"5s"}`:                                {Pause: 5 * time.Second},
	} {
		require.Equal(t, want, string(AppendReply(nil, reply)))
		parsed, err := ParseReply([]byte(want))
		require.NoError(t, err)
		require.Equal(t, reply, parsed)
	}
}

func FuzzParseReply(f *testing.F) {
	f.Add([]byte(`{"ack": 17}`))
	f.Add([]byte(`{"nack": 18, "records": [3, 7], "retry": false, "reason": "x"}`))
	f.Add([]byte(`{"pause": "5s", "progress": true}`))
	f.Fuzz(func(t *testing.T, message []byte) {
		reply, err := ParseReply(message)
		if err != nil {
			require.ErrorIs(t, err, ErrNoReply)
			require.Less(t, len(err.Error()), 200, "errors do not repeat the message")
			return
		}
		if reply.Ack == 0 && reply.Nack == 0 && !reply.Progress && reply.Pause == 0 {
			return // {"ack": 0} and {"pause": "0s"} say nothing that could be written again
		}
		if reply.Nack == 0 {
			reply.Reason, reply.Records = "", nil
		}
		again, err := ParseReply(AppendReply(nil, reply))
		require.NoError(t, err)
		require.Equal(t, reply.Ack, again.Ack)
		require.Equal(t, reply.Nack, again.Nack)
		require.Equal(t, reply.Pause, again.Pause)
	})
}
