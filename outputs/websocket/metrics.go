// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/rcrowley/go-metrics"

	"github.com/elastic/beats/v7/libbeat/outputs"
	"github.com/elastic/elastic-agent-libs/logp"
	"github.com/elastic/elastic-agent-libs/monitoring"
	"github.com/elastic/elastic-agent-libs/monitoring/adapter"

	"filebeat-websocket/outputs/websocket/internal/conn"
	"filebeat-websocket/outputs/websocket/internal/histogram"
	"filebeat-websocket/outputs/websocket/internal/seldom"
	"filebeat-websocket/outputs/websocket/internal/session"
)

// stats are the output's metrics, libbeat.output.websocket.*. They may be used by
// several goroutines.
type stats struct {
	open       *monitoring.Int  // connections that are open now
	opened     *monitoring.Uint // connections that were upgraded and answered
	failed     *monitoring.Uint // attempts that failed
	reconnects *monitoring.Uint // connections that replaced an earlier one
	closed     labelled         // connections that ended, by close code or by another cause

	// In flight: being written, or written and not settled.
	batches *monitoring.Int
	events  *monitoring.Int
	bytes   *monitoring.Int // of messages, before compression

	// Messages.
	sent      *monitoring.Uint
	payload   *monitoring.Uint // bytes of those that were written, before compression
	wire      *monitoring.Uint // bytes of those after compression
	confirmed *monitoring.Uint
	nacked    *monitoring.Uint

	pingRTT timing
	latency timing // from Publish to the last confirmation

	dropped labelled // events, by reason
	drops   *seldom.Log
}

// timing counts durations: a sample of all since the start, in microseconds, and buckets.
type timing struct {
	sample  metrics.Histogram
	buckets *histogram.Histogram
}

func newTiming(parent *monitoring.Registry, name string) timing {
	t := timing{metrics.NewHistogram(metrics.NewUniformSample(histogramSamples)), &histogram.Histogram{}}
	// The only error is that the name is taken, and the registry is new.
	_ = adapter.NewGoMetrics(parent, name, adapter.Accept).Register("histogram", t.sample)
	t.buckets.Register(parent.GetRegistry(name), "buckets")
	return t
}

func (t timing) add(d time.Duration) {
	t.sample.Update(d.Microseconds())
	t.buckets.Add(d)
}

// histogramSamples is the size of a histogram's sample.
const histogramSamples = 1024

func newStats(registry *monitoring.Registry, log *logp.Logger) *stats {
	connections := registry.NewRegistry("connections")
	inFlight := registry.NewRegistry("in_flight")
	messages := registry.NewRegistry("messages")
	return &stats{
		open:       monitoring.NewInt(connections, "open"),
		opened:     monitoring.NewUint(connections, "opened"),
		failed:     monitoring.NewUint(connections, "failed"),
		reconnects: monitoring.NewUint(connections, "reconnects"),
		closed:     labelled{registry: connections.NewRegistry("closed")},
		batches:    monitoring.NewInt(inFlight, "batches"),
		events:     monitoring.NewInt(inFlight, "events"),
		bytes:      monitoring.NewInt(inFlight, "bytes"),
		sent:       monitoring.NewUint(messages, "sent"),
		confirmed:  monitoring.NewUint(messages, "confirmed"),
		nacked:     monitoring.NewUint(messages, "nacked"),
		pingRTT:    newTiming(registry, "ping.rtt_us"),
		latency:    newTiming(registry, "confirmation.latency_us"),
		payload:    monitoring.NewUint(messages, "bytes"),
		wire:       monitoring.NewUint(messages, "wire_bytes"),
		dropped:    labelled{registry: registry.NewRegistry("dropped")},
		drops: seldom.New(dropLogInterval, func(reason string, events int, last error) {
			log.Warnf("Dropped events: %d, reason %s: %v", events, reason, last)
		}),
	}
}

// labelled counts by label. Labels come from a bounded set.
type labelled struct {
	registry *monitoring.Registry
	mutex    sync.Mutex
	counts   map[string]*monitoring.Uint
}

func (l *labelled) inc(label string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	count, known := l.counts[label]
	if !known {
		if l.counts == nil {
			l.counts = map[string]*monitoring.Uint{}
		}
		count = monitoring.NewUint(l.registry, label)
		l.counts[label] = count
	}
	count.Inc()
}

// connected counts a new connection; replaces says that it replaces an earlier one.
func (s *stats) connected(replaces bool) {
	s.opened.Inc()
	s.open.Inc()
	if replaces {
		s.reconnects.Inc()
	}
}

// disconnected counts the end of a connection.
func (s *stats) disconnected(cause error) {
	s.open.Dec()
	s.closed.inc(endLabel(cause))
}

// takeIn counts a batch that is handed to a session.
func (s *stats) takeIn(spans []span) {
	events, bytes := volume(spans)
	s.batches.Inc()
	s.events.Add(events)
	s.bytes.Add(bytes)
}

// takeOut undoes takeIn: the batch has its verdict, or was not taken.
func (s *stats) takeOut(spans []span) {
	events, bytes := volume(spans)
	s.batches.Dec()
	s.events.Sub(events)
	s.bytes.Sub(bytes)
}

func volume(spans []span) (events, bytes int64) {
	for _, c := range spans {
		events += int64(c.end - c.start)
		bytes += int64(c.bytes)
	}
	return events, bytes
}

// traffic counts the bytes of a connection: libbeat's counters everything that
// crosses the socket, ours the messages.
type traffic struct {
	outputs.Observer
	stats *stats
}

// MessageBytes implements conn.Traffic.
func (t traffic) MessageBytes(before, after int) {
	t.stats.payload.Add(uint64(before))
	t.stats.wire.Add(uint64(after))
}

var _ conn.Traffic = traffic{}

// settled counts the verdicts on a batch, and the time that they took.
func (s *stats) settled(outcome session.Outcome, took time.Duration) {
	// A refused message is settled too.
	s.confirmed.Add(uint64(outcome.Confirmed + len(outcome.Apart) - len(outcome.Refused)))
	s.nacked.Add(uint64(len(outcome.Refused)))
	if outcome.Cause == nil {
		s.latency.add(took)
	}
}

func (s *stats) roundTrip(took time.Duration) { s.pingRTT.add(took) }

// endLabel returns the label for the end of a connection: the close code, if any.
func endLabel(cause error) string {
	closed, ok := errors.AsType[*conn.CloseError](cause)
	switch {
	case ok && !closed.Code.Known():
		return "invalid"
	case ok && closed.Code.Application():
		return "application" // one label, since a server can choose any
	case ok:
		return strconv.Itoa(int(closed.Code))
	case errors.Is(cause, session.ErrClosed):
		return "own"
	case errors.Is(cause, session.ErrTimeout):
		return "timeout"
	default:
		return "error"
	}
}

// dropLogInterval is how often dropped events of one reason are logged.
const dropLogInterval = 30 * time.Second

// drop counts dropped events, and logs their number once per reason and interval.
func (s *stats) drop(dropped []*record) {
	events, last := map[string]int{}, map[string]error{}
	for _, r := range dropped {
		s.dropped.inc(r.reason)
		events[r.reason]++
		last[r.reason] = r.err
	}
	for reason, n := range events {
		s.drops.Add(reason, n, last[reason])
	}
}

// outputRegistry returns an empty registry at libbeat.output.websocket. libbeat makes
// the one around it before it makes the output; outside of a Beat there is none.
func outputRegistry() *monitoring.Registry {
	parent := monitoring.Default.GetRegistry("libbeat.output")
	if parent == nil {
		return monitoring.NewRegistry()
	}
	parent.Remove(outputName)
	return parent.NewRegistry(outputName)
}
