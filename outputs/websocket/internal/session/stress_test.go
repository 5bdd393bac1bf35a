// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/outputs/websocket/internal/conn"
	"filebeat-websocket/protocol/forward"
)

// chaos is a peer that answers honestly, each time after a while, and dies at a
// random frame.
type chaos struct {
	random *rand.Rand // the peer's goroutine
	frames int        // until it dies
	replay bool       // acks in messages
	chunks []string   // of Fluent Forward, without a confirmation

	mutex    sync.Mutex
	read     map[string]bool // messages
	messages int
}

func (c *chaos) answer(p *peer, f frame) {
	for range c.random.IntN(20) {
		runtime.Gosched()
	}
	if c.frames--; c.frames < 0 {
		switch c.random.IntN(4) {
		case 0:
			p.end(io.ErrUnexpectedEOF)
		case 1:
			p.end(&conn.CloseError{Code: 1012})
		case 2:
			p.Cut()
		default: // silent from now on; Close ends it
		}
		return
	}
	switch f.kind {
	case message:
		c.mutex.Lock()
		c.read[f.payload] = true
		c.messages++
		number := c.messages
		c.mutex.Unlock()
		if chunk, err := forward.RequestChunk([]byte(f.payload)); err == nil {
			c.chunks = append(c.chunks, chunk)
			if c.random.IntN(2) == 0 {
				c.confirmOne(p)
			}
		}
		if !c.replay {
			return
		}
		switch c.random.IntN(4) {
		case 0:
			p.reply(fmt.Sprintf(`{"ack": %d}`, number))
		case 1:
			p.reply(fmt.Sprintf(`{"nack": %d, "retry": true}`, number))
		}
	case ping:
		if c.replay {
			c.mutex.Lock()
			number := c.messages
			c.mutex.Unlock()
			p.reply(fmt.Sprintf(`{"ack": %d}`, number))
		}
		for len(c.chunks) > 0 {
			c.confirmOne(p)
		}
		honest(p, f)
	case closing:
		honest(p, f)
	}
}

// confirmOne confirms a chunk, whichever it is.
func (c *chaos) confirmOne(p *peer) {
	i := c.random.IntN(len(c.chunks))
	p.reply(string(forward.AppendAck(nil, c.chunks[i])))
	c.chunks = slices.Delete(c.chunks, i, i+1)
}

func (c *chaos) hasRead(text string) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.read[text]
}

// TestEveryBatchIsToldOnceAndTruly sends batches over sessions that die and are
// closed at random. fakeFlight panics if it is told twice or read after that.
func TestEveryBatchIsToldOnceAndTruly(t *testing.T) {
	for _, ackName := range []string{"none", "ping", "message", "forward"} {
		t.Run(ackName, func(t *testing.T) {
			var confirmed, lost, refused int
			for seed := range uint64(300) {
				c, l, r := stress(t, ackName, seed)
				confirmed, lost, refused = confirmed+c, lost+l, refused+r
			}
			require.NotZero(t, confirmed)
			require.NotZero(t, lost)
			require.Equal(t, ackName == "message", refused > 0)
		})
	}
}

func stress(t *testing.T, ackName string, seed uint64) (confirmed, lost, refused int) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 1))
	c := &chaos{
		random: rand.New(rand.NewPCG(seed, 2)),
		frames: random.IntN(100),
		replay: ackName == "message",
		read:   map[string]bool{},
	}
	f := newFake()
	serve(f, c.answer)
	options := Options{
		Pipelining:   1 + random.IntN(4),
		Timeout:      50 * time.Millisecond,
		PingInterval: time.Duration(1+random.IntN(3)) * time.Millisecond,
		Ended:        func(error) {},
	}
	s, err := Open(t.Context(), f, newStrategy(t, ackName), options)
	if err != nil {
		return 0, 0, 0
	}
	taken := make(chan []*fakeFlight)
	go func() {
		var batches []*fakeFlight
		for i := range 15 {
			b := newFlight()
			for j := range 1 + i%4 {
				text := fmt.Sprintf("%d.%d", i, j)
				if ackName == "forward" {
					text = requestOf(text)
				}
				b.texts = append(b.texts, text)
			}
			b.alone = i%5 == 4
			b.told = func(o Outcome) {
				if ackName == "none" {
					return
				}
				taken := slices.Clone(o.Apart)
				for i := range o.Confirmed {
					taken = append(taken, i)
				}
				for _, i := range taken {
					if !c.hasRead(b.texts[i]) {
						panic("confirmed what the peer has not read")
					}
				}
			}
			ok, err := s.Send(b)
			if ok {
				batches = append(batches, b)
			}
			if err != nil {
				break
			}
		}
		taken <- batches
	}()
	closeAfter := time.Duration(random.IntN(2000)) * time.Microsecond
	if random.IntN(4) == 0 {
		closeAfter = 0
	}
	var closers sync.WaitGroup
	for range 1 + random.IntN(2) {
		closers.Go(func() {
			select {
			case <-s.Done():
			case <-time.After(closeAfter):
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			defer cancel()
			s.Close(ctx)
		})
	}
	batches := <-taken
	closers.Wait()
	require.Error(t, s.Err())
	for _, b := range batches {
		select {
		case o := <-b.outcome:
			switch {
			case o.Cause != nil:
				require.Less(t, o.Confirmed, len(b.texts))
				require.LessOrEqual(t, o.Confirmed+len(o.Apart), len(b.texts), "all of it may be settled, behind a batch that is not")
				lost++
			case len(o.Refused) > 0:
				refused++
			default:
				require.Equal(t, len(b.texts), o.Confirmed)
				confirmed++
			}
		case <-time.After(20 * time.Second):
			require.FailNow(t, "a batch was not told", "seed %d", seed)
		}
	}
	return confirmed, lost, refused
}
