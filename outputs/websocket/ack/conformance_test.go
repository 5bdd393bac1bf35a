// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package ack

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// promise is what a strategy promises beyond what all of them do. A strategy
// without an entry in promises fails the conformance test.
type promise struct {
	onSent bool // a message is confirmed as soon as it is written
	// counts: Pongs without the payload of a Ping are taken for answers, so that
	// a peer that does not echo must not send any unasked.
	counts bool
	// replies: the peer says in messages what is in its care.
	replies bool
	// chunks: the peer says in messages which requests are in its care.
	chunks bool
	// blind: nothing needs to be known of the peer.
	blind bool
}

var promises = map[string]promise{
	"none":    {onSent: true, blind: true},
	"ping":    {counts: true},
	"message": {replies: true, blind: true},
	"forward": {chunks: true, blind: true},
}

// afterHandshake is the end of the name of a strategy that a handshake precedes.
const afterHandshake = " after a handshake"

// variants returns the names of all strategies, as they are and after a handshake.
func variants() (names []string) {
	for _, name := range Names() {
		names = append(names, name, name+afterHandshake)
	}
	return names
}

// promiseOf returns what a variant promises.
func promiseOf(t require.TestingT, variant string) promise {
	name, shakes := strings.CutSuffix(variant, afterHandshake)
	p, ok := promises[name]
	require.True(t, ok, "ack %q has no entry in promises: add what it promises", name)
	p.blind = p.blind && !shakes
	return p
}

func newLink(t require.TestingT, variant string, p policy) *link {
	name, shakes := strings.CutSuffix(variant, afterHandshake)
	kind, err := Get(name)
	require.NoError(t, err)
	promised := promiseOf(t, variant)
	l := &link{
		t: t, strategy: kind.New(Config{}), policy: p, shakes: shakes,
		onSent: promised.onSent, replies: promised.replies, chunks: promised.chunks,
	}
	if shakes {
		l.strategy = WithHandshake(l.strategy, Handshake{Hostname: "agent", SharedKey: sharedKey})
	}
	return l
}

// noise is what a peer sends unasked, in turn; it gets the number of Pings that
// were written.
type noise []func(pings uint64) []byte

func fixed(payload string) func(uint64) []byte {
	return func(uint64) []byte { return []byte(payload) }
}

var noises = map[string]noise{
	"nothing unasked":          {},
	"empty Pongs unasked":      {fixed("")},
	"foreign payloads unasked": {fixed("unasked"), fixed("12345678"), fixed(strings.Repeat("x", 125))},
	"numbers cut or too long":  {fixed("\x00\x00\x00\x00\x00\x00\x01"), fixed("\x00\x00\x00\x00\x00\x00\x00\x00\x01")},
	"numbers never sent":       {func(uint64) []byte { return numbered(0) }, func(p uint64) []byte { return numbered(p + 1000) }, func(uint64) []byte { return numbered(math.MaxUint64) }},
	"all kinds unasked":        {fixed(""), fixed("unasked"), func(p uint64) []byte { return numbered(p + 1000) }},
}

func TestEveryStrategyKeepsItsPromiseWithEveryPeer(t *testing.T) {
	peers := map[string]struct {
		policy policy
		echoes bool
	}{
		"answers every Ping":           {echo, true},
		"answers only the newest Ping": {newest, true},
		"answers every Ping twice":     {twice, true},
		"answers with empty Pongs":     {constant(""), false},
		"answers with its own payload": {constant("pong"), false},
	}
	for _, name := range variants() {
		for peerName, peer := range peers {
			for noiseName, n := range noises {
				if len(n) > 0 && !peer.echoes && promiseOf(t, name).counts {
					continue // counts says why
				}
				t.Run(fmt.Sprintf("%s: the peer %s, %s", name, peerName, noiseName), func(t *testing.T) {
					l := newLink(t, name, peer.policy)
					unasked := 0
					disturb := func() {
						if len(n) > 0 {
							l.unasked(n[unasked%len(n)](l.pings))
							unasked++
						}
					}
					disturb() // before the first answer
					l.open()
					disturb()
					l.settle()
					require.True(t, l.strategy.Ready())

					for batch := 1; batch <= 20; batch++ {
						disturb()
						l.send(1 + batch%4*3)
						switch batch % 5 {
						case 1: // the peer stops in the middle of a batch
							l.peerReads(len(l.toPeer) / 2)
							disturb()
						case 2:
							l.heartbeat()
							disturb()
						case 3: // Pongs stay on the way
							l.peerReads(len(l.toPeer))
						case 4:
							disturb()
							l.settle()
							l.heartbeat()
							l.settle()
						}
						for len(l.toClient) > 1 {
							l.deliver()
						}
					}
					l.send(1)
					l.settle()
					require.Equal(t, l.sent, l.confirmed, "all that an honest peer has read is confirmed")
				})
			}
		}
	}
}

func TestAMutePeerConfirmsNothing(t *testing.T) {
	for _, name := range variants() {
		t.Run(name+" with a peer that is mute from the start", func(t *testing.T) {
			l := newLink(t, name, mute)
			l.open()
			l.settle()
			require.Equal(t, promiseOf(t, name).blind, l.strategy.Ready(), "nothing is sent before the peer is known, if that matters")
			l.heartbeat()
			l.settle()
			require.Zero(t, l.confirmed)
		})
		t.Run(name+" with a peer that falls silent", func(t *testing.T) {
			l := newLink(t, name, echo)
			l.open()
			l.settle()
			l.policy = mute
			for range 10 {
				l.send(7)
				l.heartbeat()
				l.unasked(nil)
				l.unasked([]byte("unasked"))
				l.settle()
			}
			if promiseOf(t, name).onSent {
				require.Equal(t, l.sent, l.confirmed)
				return
			}
			require.Zero(t, l.confirmed)
		})
	}
}

func TestOnlyWhatWasReadIsConfirmedHoweverThingsInterleave(t *testing.T) {
	for _, name := range variants() {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				policies := map[string]policy{"echo": echo, "newest": newest, "twice": twice, "empty": constant(""), "constant": constant("pong")}
				which := rapid.SampledFrom([]string{"echo", "newest", "twice", "empty", "constant"}).Draw(t, "policy")
				echoes := which != "empty" && which != "constant"
				l := newLink(t, name, policies[which])
				early := 0 // Pongs unasked before the strategy was ready
				l.open()
				t.Repeat(map[string]func(*rapid.T){
					"send": func(t *rapid.T) {
						if l.strategy.Ready() {
							l.send(rapid.IntRange(1, 5).Draw(t, "messages"))
						}
					},
					"heartbeat": func(*rapid.T) {
						if l.strategy.Ready() {
							l.heartbeat()
						}
					},
					"the peer reads": func(t *rapid.T) {
						l.peerReads(rapid.IntRange(0, len(l.toPeer)).Draw(t, "frames"))
					},
					"a Pong arrives": func(*rapid.T) {
						if len(l.toClient) > 0 {
							l.deliver()
						}
					},
					"a Pong is sent unasked": func(t *rapid.T) {
						if !echoes && promiseOf(t, name).counts {
							return
						}
						if !l.strategy.Ready() {
							if early++; early >= probes {
								return
							}
						}
						payload := rapid.OneOf(
							rapid.SliceOfN(rapid.Byte(), 0, 7),
							rapid.SliceOfN(rapid.Byte(), 9, 125),
							rapid.Just(numbered(0)),
							rapid.Just(numbered(l.pings+1<<32)),
						).Draw(t, "payload")
						l.unasked(payload)
					},
				})
				l.settle()
				require.True(t, l.strategy.Ready(), "each of these peers answers")
				l.send(1)
				l.settle()
				require.Equal(t, l.sent, l.confirmed)
			})
		})
	}
}

func FuzzPong(f *testing.F) {
	f.Add([]byte{}, uint8(0))
	f.Add(numbered(1), uint8(1))
	f.Add(numbered(math.MaxUint64), uint8(2))
	f.Add(append(numbered(2), numbered(3)...), uint8(3))
	f.Fuzz(func(t *testing.T, payloads []byte, cut uint8) {
		payloads = payloads[:min(len(payloads), 1000)]
		for _, name := range Names() {
			kind, err := Get(name)
			require.NoError(t, err)
			s := kind.New(Config{})
			s.Open()
			sent, highest := uint64(0), uint64(0)
			for rest := payloads; ; {
				payload := rest[:min(len(rest), int(cut)%126)]
				rest = rest[len(payload):]
				confirmed := s.Pong(payload).Confirmed
				require.LessOrEqual(t, confirmed, sent, "confirmed what was not written")
				if confirmed > 0 {
					require.GreaterOrEqual(t, confirmed, highest)
					highest = confirmed
				}
				if s.Ready() {
					sent += 3
					if confirmed := s.Sent(sent).Confirmed; confirmed > 0 {
						highest = confirmed
					}
					s.Heartbeat()
				}
				if len(payload) == 0 {
					return
				}
			}
		}
	})
}

func TestAnUnknownStrategyIsAnErrorThatListsTheKnownOnes(t *testing.T) {
	_, err := Get("pong")
	require.EqualError(t, err, `unknown ack "pong", known are `+strings.Join(Names(), ", "))
	require.Subset(t, Names(), []string{"forward", "message", "none", "ping"})
	require.IsIncreasing(t, Names())
}

func TestANameIsRegisteredOnce(t *testing.T) {
	require.PanicsWithValue(t, `ack "none" is registered twice`, func() { Register("none", Type{}) })
}

func TestEveryConnectionHasAStrategyOfItsOwn(t *testing.T) {
	for _, name := range variants() {
		used := newLink(t, name, echo)
		used.open()
		used.settle()
		used.send(5)
		used.settle()
		fresh := newLink(t, name, mute)
		require.Zero(t, fresh.strategy.Pong(numbered(1)).Confirmed, name)
	}
}
