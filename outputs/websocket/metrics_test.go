// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/elastic-agent-libs/mapstr"
	"github.com/elastic/elastic-agent-libs/monitoring"

	"filebeat-websocket/outputs/websocket/ack"
	"filebeat-websocket/outputs/websocket/internal/conn"
	"filebeat-websocket/outputs/websocket/internal/session"
	"filebeat-websocket/protocol"
	"filebeat-websocket/testing/wstest"
)

// ints returns the output's own metrics that are numbers.
func (f *fixture) ints() map[string]int64 {
	return monitoring.CollectFlatSnapshot(f.shared.registry, monitoring.Full, false).Ints
}

func TestMetricsMove(t *testing.T) {
	const events = 10
	server := wstest.Start(t,
		wstest.WithSubprotocols(protocol.Subprotocol),
		wstest.WithFaults(
			wstest.Fault{RefuseStatus: http.StatusServiceUnavailable},
			wstest.Fault{CloseAtMessage: 1, CloseCode: 1012},
			wstest.Fault{AckDelay: 300 * time.Millisecond, NackRecord: isBad(3)},
		))
	f := newFixture(t, `{ack: message, max_len: 20, ping_interval: 50ms}`, server)
	all := f.events(1, events)
	long, _ := f.batchOf(beat.Event{Fields: mapstr.M{"message": fmt.Sprintf("seq=99 %050d", 0)}})
	all = append(all, long.Events()...)

	p := newPipeline(t, f)
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.run(all)
	}()
	// While the third connection waits for its ack everything is in flight.
	require.Eventually(t, func() bool {
		now := f.ints()
		return now["connections.open"] == 1 && now["in_flight.batches"] == 1 && now["connections.opened"] == 2
	}, 10*time.Second, time.Millisecond)
	now := f.ints()
	require.EqualValues(t, events, now["in_flight.events"])
	require.EqualValues(t, len("seq=1")*9+len("seq=10"), now["in_flight.bytes"])
	<-done

	now = f.ints()
	for name, want := range map[string]int64{
		"connections.open":        1,
		"connections.opened":      2,
		"connections.failed":      1,
		"connections.reconnects":  1,
		"connections.closed.1012": 1,
		"in_flight.batches":       0,
		"in_flight.events":        0,
		"in_flight.bytes":         0,
		"messages.sent":           2 * events,
		"messages.bytes":          2 * int64(len("seq=1")*9+len("seq=10")),
		"messages.wire_bytes":     2 * int64(len("seq=1")*9+len("seq=10")), // nothing is compressed
		"messages.confirmed":      events - 1,
		"messages.nacked":         1,
		"dropped.refused":         1,
		"dropped.max_len":         1,
	} {
		require.Equal(t, want, now[name], name)
	}
	require.Positive(t, now["confirmation.latency_us.histogram.count"])
	require.GreaterOrEqual(t, now["confirmation.latency_us.histogram.max"], int64(300_000))
	require.Positive(t, now["ping.rtt_us.histogram.count"])

	require.NoError(t, f.client.Close())
	now = f.ints()
	require.Zero(t, now["connections.open"])
	require.EqualValues(t, 1, now["connections.closed.own"])
}

func TestMessagesSettledOutOfTurnAreCounted(t *testing.T) {
	f := newFixture(t, ``, wstest.Start(t))
	f.shared.stats.settled(session.Outcome{
		Cause:     io.ErrUnexpectedEOF,
		Confirmed: 3,
		Apart:     []int{4, 5, 7},
		Refused:   []ack.Refusal{{Message: 1}, {Message: 5}},
	}, time.Second)
	require.EqualValues(t, 4, f.ints()["messages.confirmed"])
	require.EqualValues(t, 2, f.ints()["messages.nacked"])
}

func TestEndOfAConnectionHasOneOfFewLabels(t *testing.T) {
	for label, cause := range map[string]error{
		"1000":        &conn.CloseError{Code: 1000},
		"1014":        &conn.CloseError{Code: 1014},
		"application": &conn.CloseError{Code: 4321},
		"invalid":     &conn.CloseError{Code: 999},
		"own":         session.ErrClosed,
		"timeout":     fmt.Errorf("%w: nothing heard", session.ErrTimeout),
		"error":       errors.New("connection reset by peer"),
	} {
		require.Equal(t, label, endLabel(cause))
	}
}

func TestMetricsOfADeadLetterFile(t *testing.T) {
	f := newFixture(t, fmt.Sprintf(`{max_len: 1, dead_letter.path: %q}`, t.TempDir()), wstest.Start(t))
	require.NoError(t, f.client.Connect())
	batch, signals := f.batch(1, 3)
	require.NoError(t, f.client.Publish(context.Background(), batch))
	awaitSignal(t, signals)
	require.NoError(t, f.client.Close())
	require.EqualValues(t, 3, f.ints()["dead_letter.written"])
	require.EqualValues(t, 0, f.ints()["dead_letter.errors"])
}
