// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
	"filebeat-websocket/receiver/budget"
	"filebeat-websocket/receiver/decode"
	"filebeat-websocket/receiver/internal/group"
)

func messageWith(records ...string) *Message {
	m := &Message{Format: "json"}
	for _, r := range records {
		m.Records = append(m.Records, []byte(r))
		m.Bytes += len(r)
	}
	return m
}

// join returns a client of the Intake that leaves at the end of the test.
func join(t *testing.T, in *Intake) *Client {
	t.Helper()
	c, err := in.Join(t.Context(), "192.0.2.1:1")
	require.NoError(t, err)
	return c
}

func TestListenersShareOneCommit(t *testing.T) {
	commits, consumer := newCommits(), newConsumer()
	in, err := NewIntake(funcSink{consumer.consume, commits.commit}, IntakeOptions{})
	require.NoError(t, err)
	defer in.Shutdown(t.Context())
	first, second := join(t, in), join(t, in)
	defer first.Leave(nil)
	defer second.Leave(nil)

	settled := make(chan error, 3)
	settle := func(err error) { settled <- err }
	m := messageWith("{}")
	require.True(t, first.Take(t.Context(), m, settle).Some())
	require.Equal(t, Peer{ID: 1, RemoteAddr: "192.0.2.1:1"}, m.Peer)
	require.EqualValues(t, 1, m.Number)
	take(t, commits.entered)
	// Both are for the next Commit.
	first.Take(t.Context(), messageWith("{}"), settle)
	second.Take(t.Context(), messageWith("{}"), settle)
	require.Empty(t, settled)
	commits.result <- nil
	require.NoError(t, take(t, settled))
	take(t, commits.entered)
	require.Empty(t, settled)
	require.EqualValues(t, 2*(2+group.MessageBytes), in.MemoryInUse())
	commits.result <- nil
	require.NoError(t, take(t, settled))
	require.NoError(t, take(t, settled))
	close(commits.open)
}

func TestACommitThatFailsIsToldToEveryListener(t *testing.T) {
	commits, consumer := newCommits(), newConsumer()
	var refused []string
	in, err := NewIntake(funcSink{consumer.consume, commits.commit}, IntakeOptions{Observers: []Observer{{
		Refused: func(_ Peer, r *Refusal) { refused = append(refused, r.Reason) },
	}}})
	require.NoError(t, err)
	defer in.Shutdown(t.Context())
	first, second := join(t, in), join(t, in)
	settled := make(chan error, 3)
	settle := func(err error) { settled <- err }
	first.Take(t.Context(), messageWith("{}"), settle)
	take(t, commits.entered)
	second.Take(t.Context(), messageWith("{}"), settle) // the Commit under way is not for it
	stored := make(chan Outcome, 1)
	third := join(t, in)
	go func() { stored <- third.Store(t.Context(), messageWith("{}", "{}")) }()
	consumer.wait(t, 3)
	commits.result <- errors.New("/secret/place")
	for range 2 {
		refusal, ok := errors.AsType[*Refusal](take(t, settled))
		require.True(t, ok)
		require.True(t, refusal.Retry)
		require.Equal(t, "could not be stored", refusal.Reason)
	}
	close(commits.open)
	outcome := take(t, stored)
	require.NotNil(t, outcome.Refusal)
	require.False(t, outcome.Some())
	for _, c := range []*Client{first, second, third} {
		c.Leave(nil)
		require.EqualValues(t, 1, c.end.Refused)
	}
	require.Len(t, refused, 3, "once for each client")
	require.Zero(t, in.MemoryInUse())
}

func TestWhatTheSinkDoesNotTakeIsNotSettled(t *testing.T) {
	said := error(&Refusal{Reason: "no"})
	in, err := NewIntake(SinkFunc(func(context.Context, *Message) error { return said }), IntakeOptions{MaxConnections: 1})
	require.NoError(t, err)
	defer in.Shutdown(t.Context())
	c := join(t, in)
	_, err = in.Join(t.Context(), "192.0.2.2:1")
	require.ErrorIs(t, err, ErrTooManyConnections)
	never := func(error) { t.Error("it was not taken") }
	require.Equal(t, Outcome{Refusal: &Refusal{Reason: "no"}}, c.Take(t.Context(), messageWith("{}"), never))
	said = errors.New("broken")
	require.ErrorIs(t, c.Take(t.Context(), messageWith("{}"), never).Reason(), said)
	require.ErrorIs(t, c.Store(t.Context(), messageWith("{}")).Reason(), said)
	c.Leave(nil)
	c, err = in.Join(t.Context(), "192.0.2.2:1")
	require.NoError(t, err)
	c.Leave(nil)
}

func TestAMessageOfTinyRecordsIsDecodedInTheOtherLane(t *testing.T) {
	in, err := NewIntake(new(memorySink), IntakeOptions{MaxMemory: 64 << 20})
	require.NoError(t, err)
	defer in.Shutdown(t.Context())
	c := join(t, in)
	defer c.Leave(nil)
	d, err := decode.New("json_stream", decode.Options{})
	require.NoError(t, err)
	require.NoError(t, c.Decode(d, []byte(strings.Repeat("{}", 200_000)), false, func(list *decode.Records, problem error) error {
		require.Len(t, list.Finish(), 200_000)
		require.GreaterOrEqual(t, in.MemoryInUse(), int64(200_000*24), "records cost what they cost")
		return problem
	}))
	require.Zero(t, in.MemoryInUse())
	small, err := NewIntake(new(memorySink), IntakeOptions{MaxMemory: 4 << 20})
	require.NoError(t, err)
	defer small.Shutdown(t.Context())
	s := join(t, small)
	defer s.Leave(nil)
	require.NoError(t, s.Decode(d, []byte(strings.Repeat("{}", 200_000)), false, func(_ *decode.Records, problem error) error {
		require.ErrorIs(t, problem, decode.ErrMemory, "there is no way to take it")
		return nil
	}))
}

func TestAStalledMessageGivesWay(t *testing.T) {
	sink := new(memorySink)
	// 7 MiB are for what arrives.
	h, url := start(t, sink, Options{MaxMemory: 16 << 20})
	var stalled []*testClient
	for range 13 {
		c := dial(t, url)
		stalled = append(stalled, c)
		// One byte is missing at the end.
		message := maskedFrame(textFrame, `"`+strings.Repeat("x", 500_000)+`"`)
		c.frames(t, message[:len(message)-1])
	}
	require.Eventually(t, func() bool { return h.intake.MemoryInUse() == 13*512<<10 }, 10*time.Second, time.Millisecond)
	good := dial(t, url, protocol.Subprotocol)
	begin := time.Now()
	record := `{"message":"` + strings.Repeat("y", 400_000) + `"}`
	good.send(t, record)
	good.replies(t, `{"ack":1}`)
	require.Less(t, time.Since(begin), 10*time.Second, "far from the time that a message has")
	ended := make(chan error, len(stalled))
	for _, c := range stalled {
		go func() { ended <- <-c.ended }()
	}
	require.Equal(t, &websocket.CloseError{Code: websocket.CloseTryAgainLater, Text: budget.ErrShort.Error()}, take(t, ended))
	require.Empty(t, ended, "one was enough")
	require.Equal(t, []string{record}, sink.got())
}

func TestAMessageHasALimitedTime(t *testing.T) {
	h, url := start(t, new(memorySink), Options{})
	h.messageTimeout = 200 * time.Millisecond
	c := dial(t, url, protocol.Subprotocol)
	c.send(t, "{}")
	c.replies(t, `{"ack":1}`)
	<-time.After(2 * h.messageTimeout) // time between messages does not count
	c.send(t, "{}")
	c.replies(t, `{"ack":2}`)
	c.frames(t, maskedFrame(textFrame, "{}")[:7])
	require.Equal(t, &websocket.CloseError{Code: websocket.ClosePolicyViolation, Text: "message took longer than 200ms"}, take(t, c.ended))
}

// Bytes that always come must not make the reader forget the time.
func TestAMessageOfEmptyFramesHasALimitedTime(t *testing.T) {
	h, url := start(t, new(memorySink), Options{})
	h.messageTimeout = 100 * time.Millisecond
	c := dial(t, url, protocol.Subprotocol)
	c.frames(t, string(masked(0x01, "x")))
	flooding := make(chan struct{})
	go func() {
		defer close(flooding)
		for empty := bytes.Repeat(masked(0x00, ""), 1000); ; {
			if _, err := c.NetConn().Write(empty); err != nil {
				return
			}
		}
	}()
	require.Equal(t, &websocket.CloseError{Code: websocket.ClosePolicyViolation, Text: "message took longer than 100ms"}, take(t, c.ended))
	require.NoError(t, c.Close())
	<-flooding
}

func TestTheMemoryHasToDoForAMessage(t *testing.T) {
	for name, options := range map[string]Options{
		"16 times the longest message": {MaxMemory: 8 << 20},
		"less than 1 MiB":              {MaxMemory: 1000, MaxMessageBytes: 10},
		"can't be negative":            {MaxMemory: -1},
	} {
		_, err := New(new(memorySink), options)
		require.ErrorContains(t, err, "MaxMemory")
		require.ErrorContains(t, err, name)
	}
	in, err := NewIntake(new(memorySink), IntakeOptions{})
	require.NoError(t, err)
	_, err = NewHandler(in, Options{MaxConnections: 1})
	require.ErrorContains(t, err, "are the Intake's")
}

func TestWhatClientsAreOwedIsBounded(t *testing.T) {
	in, err := NewIntake(new(memorySink), IntakeOptions{MaxMemory: 1 << 20}) // 64 KiB are for what is owed
	require.NoError(t, err)
	nack := reply{kind: replyRefused, first: 1, last: 1, refusal: &Refusal{Reason: strings.Repeat("x", 125)}}
	pong := reply{kind: replyPong, payload: "x"}
	deaf, good := newReplies(true, in), newReplies(true, in)
	nacks := 1
	for !deaf.add(nack) {
		nacks++
	}
	require.Less(t, nacks, 300)
	require.LessOrEqual(t, in.MemoryInUse(), int64(64<<10))
	require.False(t, good.add(pong), "some of it is every client's own")
	require.False(t, good.add(pong))
	require.Len(t, good.next(), 2)
	good.wrote()
	require.Len(t, deaf.next(), nacks)
	deaf.wrote()
	require.Zero(t, in.MemoryInUse())
	require.False(t, deaf.add(pong), "it has read")

	long := &Refusal{Reason: "no", Records: make([]int, 5000)}
	full, _, _ := good.hold(reply{kind: replyAcked, first: 1, last: 1, refusal: long}, nil)
	require.True(t, full)
	_, _, over := good.due()
	require.ErrorContains(t, over, "too little memory", "it can't be told, so it has to send again")
	for range 100 {
		deaf.add(nack)
	}
	require.NotZero(t, in.MemoryInUse())
	deaf.close()
	good.close()
	require.Zero(t, in.MemoryInUse())
}

func TestAFloodOfPingsIsAnsweredByTheNewestPongs(t *testing.T) {
	in, err := NewIntake(new(memorySink), IntakeOptions{})
	require.NoError(t, err)
	r := newReplies(true, in)
	for i := range 100_000 {
		require.False(t, r.add(reply{kind: replyPong, payload: strconv.Itoa(i)}))
	}
	list := r.next()
	require.Len(t, list, maxPongs)
	require.Equal(t, "99999", list[maxPongs-1].payload)
	r.wrote()
	require.Zero(t, in.MemoryInUse())
	_, _, lost := r.hold(reply{kind: replyAcked, first: 1, last: 1}, nil)
	require.Nil(t, lost)
	for i := range 100 {
		r.add(reply{kind: replyPong, payload: strconv.Itoa(i)})
	}
	require.Len(t, r.held, maxPongs, "the ack is the first")
	r.close()
}

func TestTheLongestMessageFitsIntoTheLeastMemory(t *testing.T) {
	for _, longest := range []int64{1 << 20, 1_100_000} {
		sink := new(memorySink)
		_, url := start(t, sink, Options{MaxMessageBytes: longest, MaxMemory: memoryPerMessage * longest})
		c := dial(t, url, protocol.Subprotocol)
		c.send(t, `"`+strings.Repeat("x", int(longest)-2)+`"`)
		c.replies(t, `{"ack":1}`)
		require.NoError(t, c.WriteMessage(websocket.BinaryMessage, []byte(strings.Repeat("\n", int(longest))))) // twice as long as JSON
		c.replies(t, `{"ack":2}`)
		require.Len(t, sink.got()[1], len(`{"message":""}`)+2*int(longest))
	}
}

func TestABriefClientComesAndGoesUnobserved(t *testing.T) {
	var refused []string
	in, err := NewIntake(SinkFunc(func(context.Context, *Message) error { return nil }), IntakeOptions{
		MaxConnections: 1,
		Observers: []Observer{{
			Opened:  func(Peer) { t.Error("opened") },
			Closed:  func(Peer, End) { t.Error("closed") },
			Refused: func(_ Peer, r *Refusal) { refused = append(refused, r.Reason) },
		}},
	})
	require.NoError(t, err)
	defer in.Shutdown(t.Context())
	c, err := in.JoinBriefly(t.Context(), "192.0.2.1:1")
	require.NoError(t, err)
	_, err = in.JoinBriefly(t.Context(), "192.0.2.1:2")
	require.ErrorIs(t, err, ErrTooManyConnections, "it has a place")
	require.True(t, c.Store(t.Context(), messageWith("{}")).Some())
	c.Refused(&Refusal{Reason: "not JSON"})
	require.Equal(t, []string{"not JSON"}, refused)
	require.NoError(t, c.Reserve(1000))
	require.EqualValues(t, 1000, in.MemoryInUse())
	require.ErrorIs(t, c.Reserve(DefaultMaxMemory), budget.ErrShort)
	c.Leave(nil)
	require.Zero(t, in.MemoryInUse(), "what it reserved is given back")
}
