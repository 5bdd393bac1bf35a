// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package session

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tinylib/msgp/msgp"

	"filebeat-websocket/outputs/websocket/ack"
	"filebeat-websocket/protocol"
	"filebeat-websocket/protocol/forward"
	"filebeat-websocket/testing/wstest"
)

// requestOf returns a request of Fluent Forward with that chunk id.
func requestOf(chunk string) string {
	b := msgp.AppendArrayHeader(nil, 3)
	b = msgp.AppendString(b, "tag")
	b = msgp.AppendBytes(b, []byte("entries"))
	return string(msgp.AppendMapStrStr(b, map[string]string{"chunk": chunk}))
}

func requests(chunks ...string) (texts []string) {
	for _, chunk := range chunks {
		texts = append(texts, requestOf(chunk))
	}
	return texts
}

func (p *peer) confirm(chunk string) { p.reply(string(forward.AppendAck(nil, chunk))) }

func TestMessagesAreConfirmedOneByOneInAnyOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := openSession(t, "forward", testOptions(), honest)
		first := send(s, requests("a", "b", "a")...)
		<-first.returned
		second := send(s, requests("c")...)
		<-second.returned
		p.confirm("c")
		for range 2 {
			p.confirm("a")
			synctest.Wait()
			require.Empty(t, first.outcome)
			require.Empty(t, second.outcome, "batches are told in their order")
		}
		p.confirm("b")
		for _, b := range []*sent{first, second} {
			o := <-b.outcome
			require.NoError(t, o.Cause)
			require.Equal(t, len(b.texts), o.Confirmed)
		}
		s.Close(within(t, time.Second))
	})
}

func TestConfirmationsInOneMessageOrCutInTwoAllCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := openSession(t, "forward", testOptions(), honest)
		b := send(s, requests("a", "b", "c", "d")...)
		<-b.returned
		var replies []byte
		for _, chunk := range []string{"a", "b", "c", "d"} {
			replies = forward.AppendAck(replies, chunk)
		}
		const cut = 17 // in the second of them
		p.reply(string(replies[:cut]))
		synctest.Wait()
		require.Empty(t, b.outcome)
		p.reply(string(replies[cut:]))
		o := <-b.outcome
		require.NoError(t, o.Cause)
		require.Equal(t, 4, o.Confirmed)
		s.Close(within(t, time.Second))
	})
}

func TestRepliesThatAreNotMessagePackEndTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := openSession(t, "forward", testOptions(), honest)
		b := send(s, requests("a")...)
		<-b.returned
		p.reply("\xC1" + string(forward.AppendAck(nil, "a")))
		o := <-b.outcome
		require.ErrorIs(t, o.Cause, forward.ErrMessage)
		require.Zero(t, o.Confirmed)
		s.loops.Wait()
	})
}

func TestWhatIsConfirmedBehindAGapIsToldAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := openSession(t, "forward", testOptions(), honest)
		first := send(s, requests("a", "b", "c", "d")...)
		<-first.returned
		second := send(s, requests("e", "f")...)
		<-second.returned
		for _, chunk := range []string{"d", "a", "f", "unknown"} {
			p.confirm(chunk)
		}
		p.end(io.ErrUnexpectedEOF)
		require.Equal(t, Outcome{Cause: io.ErrUnexpectedEOF, Confirmed: 1, Apart: []int{3}}, <-first.outcome)
		require.Equal(t, Outcome{Cause: io.ErrUnexpectedEOF, Apart: []int{1}}, <-second.outcome)
		s.loops.Wait()
	})
}

func TestAConfirmationOfAnyMessagePutsTheTimeoutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := openSession(t, "forward", testOptions(), honest)
		b := send(s, requests("a", "b", "c")...)
		<-b.returned
		time.Sleep(20 * time.Second)
		p.confirm("c")
		time.Sleep(20 * time.Second)
		p.confirm("b")
		begun := time.Now()
		o := <-b.outcome
		require.ErrorIs(t, o.Cause, ErrTimeout)
		require.Equal(t, []int{1, 2}, o.Apart)
		require.Equal(t, 30*time.Second, time.Since(begun))
		s.loops.Wait()
	})
}

// shaking is a peer that begins with a handshake.
type shaking struct {
	key      string
	hostname string
	silent   bool // once it has said HELO
}

const nonce = "a nonce"

func (s shaking) answer(p *peer, f frame) {
	answer, err := forward.ParsePing([]byte(f.payload))
	if f.kind != message || err != nil {
		honest(p, f)
		return
	}
	if wstest.StrictPing([]byte(f.payload)) != nil {
		p.reply(string(forward.AppendPong(nil, forward.Pong{Reason: "an element is not str"})))
		return
	}
	if s.silent {
		return
	}
	pong := forward.Pong{OK: true, Hostname: s.hostname, KeyDigest: forward.KeyDigest(answer.Salt, s.hostname, []byte(nonce), s.key)}
	if answer.KeyDigest != forward.KeyDigest(answer.Salt, answer.Hostname, []byte(nonce), s.key) {
		pong = forward.Pong{Reason: "shared_key mismatch"}
	}
	p.reply(string(forward.AppendPong(nil, pong)))
}

func openShaking(t *testing.T, ackName string, with shaking, helo bool) (*Session, *peer, error) {
	t.Helper()
	f := newFake()
	p := serve(f, with.answer)
	if helo {
		p.reply(string(forward.AppendHelo(nil, forward.Helo{Nonce: []byte(nonce)})))
	}
	options := testOptions()
	options.Binary = true
	shaken := ack.WithHandshake(newStrategy(t, ackName), ack.Handshake{Hostname: "agent", SharedKey: "s3cret"})
	s, err := Open(t.Context(), f, shaken, options)
	return s, p, err
}

func TestTheHandshakeComesBeforeEverythingAndIsNotCounted(t *testing.T) {
	for _, ackName := range ack.Names() {
		t.Run(ackName, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, p, err := openShaking(t, ackName, shaking{key: "s3cret", hostname: "server"}, true)
				require.NoError(t, err)
				b := send(s, requests("a", "b")...)
				<-b.returned
				switch ackName {
				case "forward":
					p.confirm("a")
					p.confirm("b")
				case "message":
					p.reply(`{"ack": 2}`)
				}
				o := <-b.outcome
				require.NoError(t, o.Cause)
				require.Equal(t, 2, o.Confirmed)
				synctest.Wait()
				require.Equal(t, 3, p.count(message), "a PING and two requests")
				require.Equal(t, message, p.kinds()[0])
				s.Close(within(t, time.Second))
			})
		})
	}
}

func TestAHandshakeThatFailsIsTheCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, p, err := openShaking(t, "ping", shaking{key: "other", hostname: "server"}, true)
		var failed *ack.HandshakeError
		require.ErrorAs(t, err, &failed)
		require.ErrorContains(t, err, "shared_key mismatch")
		synctest.Wait()
		require.Equal(t, frame{kind: closing, code: protocol.CloseNormal}, p.last(), "the client leaves as it should")
	})
}

func TestAHandshakeHasItsTime(t *testing.T) {
	for name, test := range map[string]struct {
		with shaking
		helo bool
		want string
	}{
		"no HELO": {shaking{}, false, "timeout: no HELO of Fluent Forward (does the server have a shared key?) within 30s"},
		"no PONG": {shaking{silent: true}, true, "timeout: no PONG of Fluent Forward within 30s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				_, _, err := openShaking(t, "none", test.with, test.helo)
				require.EqualError(t, err, test.want)
				require.ErrorIs(t, err, ErrTimeout)
				require.Equal(t, 30*time.Second, time.Since(begun))
			})
		})
	}
}
