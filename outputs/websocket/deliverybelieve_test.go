// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/outputs/outest"
	"github.com/elastic/elastic-agent-libs/logp"

	"filebeat-websocket/outputs/websocket/ack"
	"filebeat-websocket/outputs/websocket/internal/conn"
	"filebeat-websocket/outputs/websocket/internal/retry"
	"filebeat-websocket/outputs/websocket/internal/session"
	"filebeat-websocket/outputs/websocket/internal/trust"
	"filebeat-websocket/testing/wstest"
)

// observeLog lets the test read what is logged from now on.
func observeLog(t *testing.T) (lines func(containing string) []string) {
	t.Helper()
	require.NoError(t, logp.DevelopmentSetup(logp.ToObserverOutput()))
	t.Cleanup(func() { require.NoError(t, logp.DevelopmentSetup()) })
	return func(containing string) (found []string) {
		for _, entry := range logp.ObserverLogs().All() {
			if strings.Contains(entry.Message, containing) {
				found = append(found, entry.Message)
			}
		}
		return found
	}
}

// A server that refuses every message, because it expects another format for
// example, must not make this side drop everything.
func TestNothingIsDroppedForAServerThatRefusesEverything(t *testing.T) {
	const events = 8
	for name, refuse := range map[string]func(refuses func() bool) wstest.Fault{
		"by closing": func(refuses func() bool) wstest.Fault {
			return wstest.Fault{CloseReason: "not this", CloseOnRecord: func([]byte) int {
				if refuses() {
					return 1003
				}
				return 0
			}}
		},
		"by nacks": func(refuses func() bool) wstest.Fault {
			return wstest.Fault{NackReason: "not this", NackRecord: func([]byte) bool { return refuses() }}
		},
	} {
		for _, framing := range []string{"message", "lines"} {
			t.Run(name+", "+framing, func(t *testing.T) {
				logged := observeLog(t)
				var repeats atomic.Int32
				server := startConfirming(t, refuse(func() bool { return repeats.Add(1) <= 60 }))
				f := newFixture(t, fmt.Sprintf(`{ack: message, framing: %s, backoff: {init: 1ms, max: 5ms}}`, framing), server)
				newPipeline(t, f).run(f.events(1, events))
				require.Empty(t, server.Missing(1, events))
				_, acked, _, dropped := f.observer.snapshot()
				require.Equal(t, []int{events, 0}, []int{acked, dropped})
				lines := logged("refuses everything")
				require.Len(t, lines, 1, "once a minute")
				require.Contains(t, lines[0], "not this")
				require.Contains(t, lines[0], "another format?")
				require.NoError(t, f.client.Close())
				require.Len(t, logged("refuses everything"), 2, "the rest at the end")
			})
		}
	}
}

func TestOneConfirmationIsEnoughToDropWhatIsRefused(t *testing.T) {
	server := startConfirming(t, wstest.Fault{NackRecord: isBad(1), NackReason: "no good"})
	f := newFixture(t, `{ack: message, backoff: {init: 1ms, max: 5ms}}`, server)
	// The first is put back until there is a connection.
	newPipeline(t, f).run(f.events(2, 2), f.events(1, 1))
	_, acked, _, dropped := f.observer.snapshot()
	require.Equal(t, []int{1, 1}, []int{acked, dropped})
	require.Greater(t, server.Times(1), 1, "not before something was confirmed")
}

// deliveryOf is a delivery of numbered events without a connection.
func (f *fixture) deliveryOf(events int) (*delivery, <-chan outest.BatchSignal) {
	batch, signals := f.batch(1, events)
	c := &client{shared: f.shared, host: &trust.Host{}, endpoint: &url.URL{Host: "server"}}
	c.host.Confirmed()
	return newDelivery(c, batch), signals
}

func TestOnlyARecordThatWasAloneIsToBlame(t *testing.T) {
	for _, alone := range []bool{true, false} {
		t.Run(fmt.Sprint(alone), func(t *testing.T) {
			f := newFixture(t, ``, wstest.Start(t))
			d, signals := f.deliveryOf(1)
			d.client.stats.takeIn(d.spans)
			d.Settled(session.Outcome{Cause: &conn.CloseError{Code: 1009}, Alone: alone})
			signal := awaitSignal(t, signals)
			if alone {
				require.Equal(t, outest.BatchACK, signal.Tag)
				return
			}
			require.Equal(t, outest.BatchRetryEvents, signal.Tag, "another batch may have been the cause")
			require.True(t, d.Alone(), "the next time it is")
		})
	}
}

func TestARefusalOfRecordsThatAMessageDoesNotHaveConfirmsNothing(t *testing.T) {
	f := newFixture(t, `{ack: message, framing: lines}`, wstest.Start(t))
	for _, retry := range []bool{true, false} {
		d, signals := f.deliveryOf(4)
		d.client.stats.takeIn(d.spans)
		d.Settled(session.Outcome{Confirmed: 1, Refused: []ack.Refusal{{Records: []int{4, 17}, Retry: retry}}})
		signal := awaitSignal(t, signals)
		require.Equal(t, outest.BatchRetryEvents, signal.Tag)
		require.Len(t, signal.Events, 4)
	}
	_, acked, _, dropped := f.observer.snapshot()
	require.Equal(t, []int{0, 0}, []int{acked, dropped})
}

func TestSmallerMessagesCostNoAttempt(t *testing.T) {
	server := startConfirming(t, wstest.Fault{NackRecord: isBad(3), NackReason: "no good"})
	f := newFixture(t, `{ack: message, framing: lines, retry_limit: 0, drop_after_retry_limit: true}`, server)
	newPipeline(t, f).run(f.events(1, 64))
	_, acked, _, dropped := f.observer.snapshot()
	require.Equal(t, []int{63, 1}, []int{acked, dropped})
}

// A receiver whose disk is full refuses message by message.
func TestAReceiverThatRefusesForNowIsAskedWithOneMessageAtATime(t *testing.T) {
	const batches, events = 4, 100
	const repeats = batches*events + 12 // a window, then probes
	logged := observeLog(t)
	var times []time.Time
	server := startConfirming(t, wstest.Fault{NackReason: "disk full", NackRetry: true, Pause: "1ms", NackRecord: func([]byte) bool {
		times = append(times, time.Now()) // by the only connection's reader
		return len(times) <= repeats
	}})
	f := newFixture(t, `{ack: message, pipelining: 4, backoff: {init: 40ms, max: 40ms}}`, server)
	p := newPipeline(t, f)
	p.run(f.events(1, 100), f.events(101, 200), f.events(201, 300), f.events(301, 400))
	require.Empty(t, server.Missing(1, batches*events))
	require.Equal(t, 1, server.Counts().Upgraded)
	require.NoError(t, f.client.Close())

	probes := times[batches*events : repeats]
	// On a busy machine several batches may have come back to the session in one pause:
	// each of them sends one message after it.
	for i := batches; i < len(probes); i++ {
		require.Greater(t, probes[i].Sub(probes[i-batches]), 4*time.Millisecond, "a tenth of backoff.init at least")
	}
	lines := logged("refused messages for now")
	require.Len(t, lines, 2)
	require.Contains(t, lines[0], "disk full")
}

func TestDroppedEventsAreCountedBeforeTheyAreLogged(t *testing.T) {
	logged := observeLog(t)
	f := newFixture(t, `max_len: 1`, wstest.Start(t))
	newPipeline(t, f).run(f.events(1, 4))
	require.Len(t, logged("Dropped events: 4, reason max_len"), 1)
	newPipeline(t, f).run(f.events(5, 7))
	require.Len(t, logged("Dropped events"), 1)
	require.NoError(t, f.client.Close())
	require.Len(t, logged("Dropped events: 3, reason max_len"), 1)
}

func TestASessionThatOpensDuringTheCloseIsNotAdopted(t *testing.T) {
	f := newFixture(t, ``, wstest.Start(t))
	backoff, ok := f.client.(*retry.Waiting)
	require.True(t, ok)
	c, ok := backoff.Prover.(*client)
	require.True(t, ok)
	connection, err := c.dial(nil)
	require.NoError(t, err)
	opened, err := c.open(connection, c.newStrategy(), c.sessionOptions())
	require.NoError(t, err)
	require.NoError(t, f.client.Close())
	require.False(t, c.adopt(opened))
	require.Nil(t, c.current())
	opened.Close(canceled)
}

func TestAPauseGrowsOnceForAWindowAndOutlivesTheConnection(t *testing.T) {
	const pause = 200 * time.Millisecond
	f := newFixture(t, `{ack: message, backoff: {init: 10m, max: 10m}}`, startConfirming(t, wstest.Fault{}))
	backoff, ok := f.client.(*retry.Waiting)
	require.True(t, ok)
	c, ok := backoff.Prover.(*client)
	require.True(t, ok)
	for range 3 {
		batch, _ := f.batch(1, 2)
		d := newDelivery(c, batch)
		d.fates[0] = fateDeferred
		c.holdBack(d)
	}
	require.Equal(t, 1, c.refused)

	c.mutex.Lock()
	c.heldUntil = time.Now().Add(pause)
	until := c.heldUntil
	c.mutex.Unlock()
	require.NoError(t, c.Connect())
	batch, signals := f.batch(1, 1)
	require.NoError(t, c.Publish(t.Context(), batch))
	require.Equal(t, outest.BatchACK, awaitSignal(t, signals).Tag)
	require.False(t, time.Now().Before(until), "nothing was sent during the pause")
}
