// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"filebeat-websocket/protocol"
	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/dedup"
)

const namespace = "wsreceiver"

// Metrics counts what one Handler does. Its methods may be called from any
// goroutine, but Watch, WatchDedup and WatchOutput before the Handler is made.
type Metrics struct {
	registry *prometheus.Registry

	connections   prometheus.Gauge
	opened        prometheus.Counter
	closed        *prometheus.CounterVec
	messages      prometheus.Counter
	records       prometheus.Counter
	messageBytes  prometheus.Counter
	refusals      *prometheus.CounterVec
	writeErrors   prometheus.Counter
	commitSeconds prometheus.Histogram
	commitErrors  prometheus.Counter
	requests      *prometheus.CounterVec
}

// New returns Metrics, which cover the process itself from the start.
func New() *Metrics {
	m := &Metrics{
		registry:     prometheus.NewRegistry(),
		connections:  gauge("connections", "Connections that are open."),
		opened:       counter("connections_opened_total", "Connections that were opened."),
		closed:       counters("connections_closed_total", "Connections that ended, by close code; 1006 is an end without a Close frame.", "code"),
		messages:     counter("messages_total", "Messages that were taken, at least in part."),
		records:      counter("records_total", "Records that were taken, duplicates included."),
		messageBytes: counter("message_bytes_total", "Bytes of the consumed messages, after decompression and before decoding."),
		refusals:     counters("refusals_total", "Refusals of messages, or of some of their records, by whether they may be sent again. A failed commit counts once per connection.", "retry"),
		writeErrors:  counter("write_errors_total", "Messages that could not be written because the output failed, for example on a full disk."),
		commitSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Name: "commit_seconds", Help: "Duration of commits: for files, of their sync.",
			Buckets: prometheus.ExponentialBuckets(0.000_25, 2, 16), // up to 8 s
		}),
		commitErrors: counter("commit_errors_total", "Commits that failed."),
		requests:     counters("requests_refused_total", "Upgrade and POST requests that were refused, by HTTP status; 400 also counts connections that sent something other than HTTP.", "status"),
	}
	m.registry.MustRegister(m.connections, m.opened, m.closed, m.messages, m.records, m.messageBytes, m.refusals,
		m.writeErrors, m.commitSeconds, m.commitErrors, m.requests,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, retry := range []bool{false, true} {
		m.refusals.WithLabelValues(strconv.FormatBool(retry)) // there from the start, as 0
	}
	return m
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
}

func counters(name, help, label string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, []string{label})
}

func gauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help})
}

// Count returns a Sink that counts what next takes, and how long its commits take.
func Count(m *Metrics, next receiver.Sink) receiver.Sink { return &counted{next: next, metrics: m} }

type counted struct {
	next    receiver.Sink
	metrics *Metrics
}

func (c *counted) Consume(ctx context.Context, m *receiver.Message) error {
	given := len(m.Records)
	err := c.next.Consume(ctx, m)
	outcome := receiver.Taken(err, given)
	if outcome.Err != nil || outcome.Refusal != nil && outcome.Refusal.Retry {
		c.metrics.writeErrors.Inc()
	}
	if outcome.Some() {
		c.metrics.messages.Inc()
		c.metrics.records.Add(float64(outcome.Count))
		c.metrics.messageBytes.Add(float64(m.Bytes))
	}
	return err
}

func (c *counted) Commit(ctx context.Context) error {
	begun := time.Now()
	err := c.next.Commit(ctx)
	c.metrics.commitSeconds.Observe(time.Since(begun).Seconds())
	if err != nil {
		c.metrics.commitErrors.Inc()
	}
	return err
}

// Observer counts connections and refusals.
func (m *Metrics) Observer() receiver.Observer {
	return receiver.Observer{
		Opened: func(receiver.Peer) {
			m.opened.Inc()
			m.connections.Inc()
		},
		Closed: func(_ receiver.Peer, end receiver.End) {
			m.connections.Dec()
			m.closed.WithLabelValues(codeLabel(end.CloseCode)).Inc()
		},
		Refused: func(_ receiver.Peer, refusal *receiver.Refusal) {
			m.refusals.WithLabelValues(strconv.FormatBool(refusal.Retry)).Inc()
		},
	}
}

// codeLabel is one of few: clients choose their codes, and each label value is
// kept for good.
func codeLabel(code protocol.CloseCode) string {
	if code >= protocol.CloseNormal && code <= protocol.CloseBadGateway {
		return strconv.Itoa(int(code))
	}
	return "other"
}

// WatchDedup adds the counts of a Dedup.
func (m *Metrics) WatchDedup(d *dedup.Dedup) {
	for _, reason := range dedup.Reasons() {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Namespace: namespace, Name: "duplicate_records_total",
			Help:        "Records that were not written again because the same had come before. The reason is id: their _id came in an earlier message; recalled: it was read back from the output at the start; message: it came twice in a message; chunk: the chunk of their Fluent Forward request or the Idempotency-Key of their POST came before.",
			ConstLabels: prometheus.Labels{"reason": reason.String()},
		}, func() float64 { return float64(d.LeftOut(reason)) }))
	}
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: namespace, Name: "dedup_ids", Help: "Ids and chunks that are remembered.",
		}, func() float64 { return float64(d.Remembered()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: namespace, Name: "dedup_recalled_ids", Help: "Ids that were read back from the output at the start.",
		}, func() float64 { return float64(d.Recalled()) }),
	)
}

// Handler serves the metrics as text.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

// CountRequests counts the requests that next refuses.
func (m *Metrics) CountRequests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&countingWriter{ResponseWriter: w, requests: m.requests}, r)
	})
}

// RefuseRequest counts a request that was refused elsewhere.
func (m *Metrics) RefuseRequest(status int) { m.requests.WithLabelValues(strconv.Itoa(status)).Inc() }

type countingWriter struct {
	http.ResponseWriter
	requests *prometheus.CounterVec
}

func (w *countingWriter) WriteHeader(status int) {
	if status >= http.StatusBadRequest {
		w.requests.WithLabelValues(strconv.Itoa(status)).Inc()
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController, by which the Handler takes the
// connection over.
func (w *countingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
