// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/outputs"
	"github.com/elastic/beats/v7/libbeat/outputs/outest"
	"github.com/elastic/beats/v7/libbeat/publisher"
	"github.com/elastic/beats/v7/libbeat/publisher/queue/memqueue"
	"github.com/elastic/elastic-agent-libs/mapstr"

	"filebeat-websocket/outputs/eventqueue"
	"filebeat-websocket/outputs/websocket/internal/handback"
	"filebeat-websocket/outputs/websocket/internal/retry"
	"filebeat-websocket/testing/wstest"
)

// counters is an outputs.Observer that can be read.
type counters struct {
	outputs.Observer // nil: what is not overridden must not be called

	mutex                                  sync.Mutex
	batches, total, acked, failed, dropped int
	written, read, splits                  int
}

func (c *counters) add(what *int, events int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	*what += events
}

func (c *counters) NewBatch(events int)         { c.add(&c.batches, 1); c.add(&c.total, events) }
func (c *counters) AckedEvents(events int)      { c.add(&c.acked, events) }
func (c *counters) RetryableErrors(events int)  { c.add(&c.failed, events) }
func (c *counters) PermanentErrors(events int)  { c.add(&c.dropped, events) }
func (c *counters) WriteBytes(bytes int)        { c.add(&c.written, bytes) }
func (c *counters) ReadBytes(bytes int)         { c.add(&c.read, bytes) }
func (c *counters) BatchSplit()                 { c.add(&c.splits, 1) }
func (c *counters) ReportLatency(time.Duration) {}

func (c *counters) snapshot() (total, acked, failed, dropped int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.total, c.acked, c.failed, c.dropped
}

// fixture is an output made by its factory, with a server to talk to.
type fixture struct {
	group    outputs.Group
	client   outputs.NetworkClient
	observer *counters
	shared   *shared
}

func newFixture(t *testing.T, yaml string, servers ...*wstest.Server) *fixture {
	t.Helper()
	var hosts []string
	for _, server := range servers {
		hosts = append(hosts, server.URL())
	}
	cfg := configFrom(t, `{format: raw, close_timeout: 1s, backoff.init: 10ms, backoff.max: 100ms}`)
	require.NoError(t, cfg.Merge(map[string]any{"hosts": hosts}))
	require.NoError(t, cfg.Merge(configFrom(t, yaml)))
	observer := &counters{}
	group, err := makeWebsocket(nil, beat.Info{Beat: "filebeat", UserAgent: "test-agent"}, observer, cfg)
	require.NoError(t, err)
	f := &fixture{group: group, observer: observer}
	outer, ok := group.Clients[0].(*retry.Quiet)
	require.True(t, ok)
	f.client = outer.NetworkClient // whose Connect returns every failure
	if backoff, ok := f.client.(*retry.Waiting); ok {
		only, ok := backoff.Prover.(*client)
		require.True(t, ok)
		f.shared = only.shared
		watchQueue(t, f.shared.lifecycle.gate)
	}
	t.Cleanup(func() { _ = f.client.Close() })
	return f
}

// watchQueue makes the gate watch a queue, so that batches go back without a delay.
func watchQueue(t *testing.T, gate *handback.Gate) {
	t.Helper()
	_, err := gate.Watch(eventqueue.Factory(memqueue.Settings{Events: 1}))(nil, nil, 0, nil)
	require.NoError(t, err)
}

// batch returns a batch of numbered events, encoded as the queue does it, and a
// channel that gets every signal.
func (f *fixture) batch(first, last int) (publisher.Batch, <-chan outest.BatchSignal) {
	events := make([]beat.Event, 0, last-first+1)
	for seq := first; seq <= last; seq++ {
		events = append(events, beat.Event{Fields: mapstr.M{"message": fmt.Sprintf("seq=%d", seq)}})
	}
	return f.batchOf(events...)
}

func (f *fixture) batchOf(events ...beat.Event) (publisher.Batch, <-chan outest.BatchSignal) {
	batch := outest.NewBatch(events...)
	early := f.group.EncoderFactory()
	for i, event := range batch.Events() {
		entry, _ := early.EncodeEntry(event)
		batch.Events()[i], _ = entry.(publisher.Event)
	}
	signals := make(chan outest.BatchSignal, 10)
	batch.OnSignal = func(signal outest.BatchSignal) { signals <- signal }
	return batch, signals
}

func awaitSignal(t *testing.T, signals <-chan outest.BatchSignal) outest.BatchSignal {
	t.Helper()
	select {
	case signal := <-signals:
		return signal
	case <-time.After(10 * time.Second):
		require.FailNow(t, "the batch was not signalled")
		return outest.BatchSignal{}
	}
}

func TestBatchIsAckedOnceTheServerHasReadIt(t *testing.T) {
	server := wstest.Start(t)
	f := newFixture(t, ``, server)
	require.NoError(t, f.client.Connect())
	batch, signals := f.batch(1, 100)
	require.NoError(t, f.client.Publish(context.Background(), batch))
	require.Equal(t, outest.BatchACK, awaitSignal(t, signals).Tag)
	require.Empty(t, server.Missing(1, 100))
	require.Equal(t, 100, server.Counts().Messages)
	total, acked, failed, dropped := f.observer.snapshot()
	require.Equal(t, []int{100, 100, 0, 0}, []int{total, acked, failed, dropped})
	require.Positive(t, f.observer.read)
	require.Positive(t, f.observer.written)
}

func TestUpgradeRequestCarriesWhatWasConfigured(t *testing.T) {
	server := wstest.Start(t)
	f := newFixture(t, `{headers: {X-Site: north}, origin: "https://site.example", parameters: {tenant: "a b"}}`, server)
	require.NoError(t, f.client.Connect())
	request := server.Conns()[0].Request
	require.Equal(t, "north", request.Header.Get("X-Site"))
	require.Equal(t, "https://site.example", request.Header.Get("Origin"))
	require.Equal(t, "test-agent", request.Header.Get("User-Agent"))
	require.Equal(t, "a b", request.URL.Query().Get("tenant"))
	require.NotContains(t, f.client.String(), "a+b", "a parameter may be a token")
}

func TestEventsThatCanNotBeSentAreDroppedAndTheRestGoesOn(t *testing.T) {
	server := wstest.Start(t)
	f := newFixture(t, `max_len: 10`, server)
	require.NoError(t, f.client.Connect())
	batch, signals := f.batchOf(
		beat.Event{Fields: mapstr.M{"message": "seq=1"}},
		beat.Event{Fields: mapstr.M{"message": "seq=2 " + strings.Repeat("x", 10)}},
		beat.Event{Fields: mapstr.M{"other": "no message"}},
		beat.Event{Fields: mapstr.M{"message": "seq=4"}},
	)
	require.NoError(t, f.client.Publish(context.Background(), batch))
	require.Equal(t, outest.BatchACK, awaitSignal(t, signals).Tag)
	require.Equal(t, []int{2, 3}, server.Missing(1, 4))
	total, acked, failed, dropped := f.observer.snapshot()
	require.Equal(t, []int{4, 2, 0, 2}, []int{total, acked, failed, dropped})

	batch, signals = f.batchOf(beat.Event{Fields: mapstr.M{"other": 1}})
	require.NoError(t, f.client.Publish(context.Background(), batch))
	require.Equal(t, outest.BatchACK, awaitSignal(t, signals).Tag, "a batch of which nothing is left is done")
	_, _, _, dropped = f.observer.snapshot()
	require.Equal(t, 3, dropped)
}

func TestPublishWithoutConnectionCostsNoAttempt(t *testing.T) {
	f := newFixture(t, ``, wstest.Start(t))
	batch, signals := f.batch(1, 3)
	require.ErrorIs(t, f.client.Publish(context.Background(), batch), retry.ErrNotConnected)
	require.Equal(t, outest.BatchCancelled, awaitSignal(t, signals).Tag)
	total, _, failed, _ := f.observer.snapshot()
	require.Equal(t, 3, total)
	require.Equal(t, 3, failed)
}

func TestLostBatchIsRetriedWithoutItsDroppedEvents(t *testing.T) {
	server := wstest.Start(t, wstest.WithFaults(wstest.Fault{DropAtMessage: 2}))
	f := newFixture(t, ``, server)
	require.NoError(t, f.client.Connect())
	batch, signals := f.batchOf(
		beat.Event{Fields: mapstr.M{"message": "seq=1"}},
		beat.Event{Fields: mapstr.M{"other": "no message"}},
		beat.Event{Fields: mapstr.M{"message": "seq=3"}},
	)
	_ = f.client.Publish(context.Background(), batch) // may or may not see the end already
	signal := awaitSignal(t, signals)
	require.Equal(t, outest.BatchRetryEvents, signal.Tag)
	require.Len(t, signal.Events, 2)
	total, acked, failed, dropped := f.observer.snapshot()
	require.Equal(t, []int{3, 0, 2, 1}, []int{total, acked, failed, dropped})

	// The pipeline comes with the next batch, learns of the end, and connects.
	batch, signals = f.batch(4, 5)
	require.Error(t, f.client.Publish(context.Background(), batch))
	require.Equal(t, outest.BatchCancelled, awaitSignal(t, signals).Tag)
	require.NoError(t, f.client.Connect())
	batch, signals = f.batch(4, 5)
	require.NoError(t, f.client.Publish(context.Background(), batch))
	require.Equal(t, outest.BatchACK, awaitSignal(t, signals).Tag)
}

func TestAckNoneNeedsNoAnswer(t *testing.T) {
	server := wstest.Start(t, wstest.WithScript(func(int) wstest.Fault {
		return wstest.Fault{MutePongs: true}
	}))
	f := newFixture(t, `ack: none`, server)
	require.NoError(t, f.client.Connect())
	batch, signals := f.batch(1, 10)
	require.NoError(t, f.client.Publish(context.Background(), batch))
	require.Equal(t, outest.BatchACK, awaitSignal(t, signals).Tag)
}

func TestServerThatNeverAnswersIsNoConnection(t *testing.T) {
	server := wstest.Start(t, wstest.WithScript(func(int) wstest.Fault {
		return wstest.Fault{MutePongs: true}
	}))
	f := newFixture(t, `timeout: 100ms`, server)
	require.ErrorContains(t, f.client.Connect(), "no answer to the first Ping within 100ms")
}

func TestServerWithEmptyPongsIsCounted(t *testing.T) {
	server := wstest.Start(t, wstest.WithScript(func(int) wstest.Fault {
		return wstest.Fault{EmptyPongs: true}
	}))
	f := newFixture(t, `pipelining: 3`, server)
	require.NoError(t, f.client.Connect())
	for first := 1; first < 500; first += 100 {
		batch, signals := f.batch(first, first+99)
		require.NoError(t, f.client.Publish(context.Background(), batch))
		require.Equal(t, outest.BatchACK, awaitSignal(t, signals).Tag)
	}
	require.Empty(t, server.Missing(1, 500))
}

func TestMessagesStayWithinTheLimit(t *testing.T) {
	server := wstest.Start(t, wstest.KeepRecords())
	f := newFixture(t, `{framing: lines, max_message_bytes: 1KiB, max_frame_bytes: 1KiB}`, server)
	require.NoError(t, f.client.Connect())
	batch, signals := f.batch(1, 1000)
	require.NoError(t, f.client.Publish(context.Background(), batch))
	require.Equal(t, outest.BatchACK, awaitSignal(t, signals).Tag)
	require.Empty(t, server.Missing(1, 1000))
	for _, message := range server.Records() {
		require.LessOrEqual(t, len(message.Data), 1024)
		require.Equal(t, byte(1), message.Opcode, "text")
	}
	require.Less(t, server.Counts().Messages, 20)
}

func TestCloseWaitsForConfirmations(t *testing.T) {
	server := wstest.Start(t, wstest.WithScript(func(int) wstest.Fault {
		return wstest.Fault{Delay: 200 * time.Millisecond}
	}))
	f := newFixture(t, ``, server)
	require.NoError(t, f.client.Connect())
	batch, signals := f.batch(1, 10)
	require.NoError(t, f.client.Publish(context.Background(), batch))
	require.NoError(t, f.client.Close())
	require.Equal(t, outest.BatchACK, awaitSignal(t, signals).Tag)
	require.NoError(t, f.client.Close(), "twice is fine")
	require.Error(t, f.client.Connect(), "no way back")
	require.Equal(t, 1000, server.Conns()[0].CloseCode)
}

// At the end of a Beat a batch that goes back to the pipeline would count as
// acknowledged (see lifecycle).
func TestCloseKeepsWhatIsNotConfirmed(t *testing.T) {
	server := wstest.Start(t, wstest.WithScript(func(int) wstest.Fault {
		return wstest.Fault{StopReadingAtMessage: 1}
	}))
	f := newFixture(t, `{close_timeout: 100ms, pipelining: 1}`, server)
	require.NoError(t, f.client.Connect())
	batch, signals := f.batch(1, 10)
	require.NoError(t, f.client.Publish(context.Background(), batch))

	// A second one waits for room in the window.
	second, secondSignals := f.batch(11, 20)
	published := make(chan error)
	go func() { published <- f.client.Publish(context.Background(), second) }()

	begun := time.Now()
	require.NoError(t, f.client.Close())
	require.Less(t, time.Since(begun), 5*time.Second, "far from the timeout for confirmations")
	require.Error(t, <-published)
	require.Empty(t, signals)
	require.Empty(t, secondSignals)
	total, acked, failed, dropped := f.observer.snapshot()
	require.Equal(t, total, acked+failed+dropped)
}

func TestCloseCutsADialAndAWaitShort(t *testing.T) {
	for name, prepare := range map[string]struct {
		yaml  string
		fault wstest.Fault
	}{
		"a dial":               {`connect_timeout: 1m`, wstest.Fault{HangUpgrade: true}},
		"a probe":              {`timeout: 1m`, wstest.Fault{MutePongs: true}},
		"a wait between dials": {`backoff: {init: 1m, max: 1m}`, wstest.Fault{RefuseStatus: http.StatusForbidden}},
	} {
		t.Run(name, func(t *testing.T) {
			server := wstest.Start(t, wstest.WithScript(func(int) wstest.Fault { return prepare.fault }))
			f := newFixture(t, prepare.yaml, server)
			ended := make(chan error)
			go func() {
				err := f.client.Connect()
				if prepare.fault.RefuseStatus != 0 {
					err = f.client.Connect() // the first fails at once and starts the wait
				}
				ended <- err
			}()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			require.NoError(t, server.Wait(ctx, func(c wstest.Counts) bool { return c.Connections > 0 }))
			begun := time.Now()
			require.NoError(t, f.client.Close())
			require.Error(t, <-ended)
			require.Less(t, time.Since(begun), 10*time.Second)
		})
	}
}

// Every event is counted as one of acked, failed and dropped, and every batch is
// signalled once, whatever happens to the connections.
func TestCountersAndSignalsAreExactUnderFaults(t *testing.T) {
	const batches, events = 60, 50
	server := wstest.Start(t, wstest.WithScript(func(conn int) wstest.Fault {
		switch conn % 5 {
		case 0:
			return wstest.Fault{DropAtMessage: 70}
		case 1:
			return wstest.Fault{CloseAtMessage: 130, CloseCode: 1012}
		case 2:
			return wstest.Fault{HalfFrameAtMessage: 1}
		case 3:
			return wstest.Fault{RefuseStatus: http.StatusServiceUnavailable}
		default:
			return wstest.Fault{}
		}
	}))
	f := newFixture(t, `{backoff: {init: 1ms, max: 5ms}, pipelining: 3}`, server)

	signalled := make(chan struct{}, 10*batches)
	queue := make(chan []publisher.Event, 10*batches)
	for i := range batches {
		batch, _ := f.batch(i*events+1, (i+1)*events)
		queue <- batch.Events()
	}
	connected, sent := false, 0
	acked := make(chan struct{}, batches)
	for done := 0; done < batches; {
		select {
		case <-acked:
			done++
			continue
		default:
		}
		if !connected {
			connected = f.client.Connect() == nil
			continue
		}
		select {
		case <-acked:
			done++
		case again := <-queue:
			batch := &signalOnce{Batch: outest.NewBatch(), events: again, done: func(tag outest.BatchSignalTag, rest []publisher.Event) {
				signalled <- struct{}{}
				if tag == outest.BatchACK {
					acked <- struct{}{}
				} else {
					queue <- rest
				}
			}}
			sent++
			connected = f.client.Publish(context.Background(), batch) == nil
		}
	}
	require.Len(t, signalled, sent, "one signal a batch")
	require.Empty(t, server.Missing(1, batches*events))
	total, ackedEvents, failed, dropped := f.observer.snapshot()
	require.Equal(t, batches*events, ackedEvents)
	require.Equal(t, total, ackedEvents+failed+dropped)
	require.Positive(t, failed)
}

// signalOnce is a batch of encoded events.
type signalOnce struct {
	*outest.Batch
	events []publisher.Event
	done   func(outest.BatchSignalTag, []publisher.Event)
}

func (b *signalOnce) Events() []publisher.Event { return b.events }
func (b *signalOnce) ACK()                      { b.done(outest.BatchACK, nil) }
func (b *signalOnce) Cancelled()                { b.done(outest.BatchCancelled, b.events) }
func (b *signalOnce) RetryEvents(rest []publisher.Event) {
	b.done(outest.BatchRetryEvents, rest)
}

func TestCloseEndsAConnectThatGoesOnTrying(t *testing.T) {
	server := wstest.Start(t)
	server.Kill()
	f := newFixture(t, ``, server)
	outer, ok := f.group.Clients[0].(*retry.Quiet)
	require.True(t, ok)
	require.Error(t, outer.Connect())
	ended := make(chan error, 1)
	go func() { ended <- outer.Connect() }()
	require.NoError(t, outer.Close())
	select {
	case err := <-ended:
		require.NoError(t, err, "libbeat would log it as a failure")
	case <-time.After(10 * time.Second):
		require.FailNow(t, "Connect goes on")
	}
}
