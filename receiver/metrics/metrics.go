// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"filebeat-websocket/receiver"
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

// New returns Metrics that count nothing yet but the process itself.
func New() *Metrics {
	m := &Metrics{
		registry:     prometheus.NewRegistry(),
		connections:  gauge("connections", "Connections that are open."),
		opened:       counter("connections_opened_total", "Connections that were opened."),
		closed:       counters("connections_closed_total", "Connections that ended, by close code; 1006 is an end without a Close frame.", "code"),
		messages:     counter("messages_total", "Messages that were consumed, in part at least."),
		records:      counter("records_total", "Records that were consumed, those that came again included."),
		messageBytes: counter("message_bytes_total", "Bytes of the consumed messages, after decompression and before decoding."),
		refusals:     counters("refusals_total", "Refusals of messages or of some of their records, by whether they may be sent again. A commit that fails is one for each connection.", "retry"),
		writeErrors:  counter("write_errors_total", "Messages that could not be written, for lack of space or another failure of the output."),
		commitSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Name: "commit_seconds", Help: "How long commits took: for files, to sync them.",
			Buckets: prometheus.ExponentialBuckets(0.000_25, 2, 16), // up to 8 s
		}),
		commitErrors: counter("commit_errors_total", "Commits that failed."),
		requests:     counters("requests_refused_total", "Upgrade requests that were refused, by HTTP status.", "status"),
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

// Watch puts counting around what is set in options.
func (m *Metrics) Watch(options *receiver.Options) {
	m.watchConnections(options)
	consume := options.Consume
	options.Consume = func(ctx context.Context, b *receiver.Batch) error {
		records := len(b.Records)
		err := consume(ctx, b)
		refusal := (*receiver.Refusal)(nil)
		switch {
		case err == nil:
		case errors.As(err, &refusal) && !refusal.Retry:
		default:
			m.writeErrors.Inc()
		}
		if refusal != nil && len(refusal.Records) > 0 {
			records -= len(refusal.Records)
		} else if err != nil {
			return err
		}
		m.messages.Inc()
		m.records.Add(float64(max(0, records)))
		m.messageBytes.Add(float64(b.MessageBytes))
		return err
	}
	if commit := options.Commit; commit != nil {
		options.Commit = func(ctx context.Context) error {
			begun := time.Now()
			err := commit(ctx)
			m.commitSeconds.Observe(time.Since(begun).Seconds())
			if err != nil {
				m.commitErrors.Inc()
			}
			return err
		}
	}
}

func (m *Metrics) watchConnections(options *receiver.Options) {
	onOpen, onClose, onRefuse := options.OnOpen, options.OnClose, options.OnRefuse
	options.OnOpen = func(c receiver.Conn) {
		m.opened.Inc()
		m.connections.Inc()
		if onOpen != nil {
			onOpen(c)
		}
	}
	options.OnClose = func(c receiver.Conn, end receiver.ConnEnd) {
		m.connections.Dec()
		m.closed.WithLabelValues(codeLabel(end.CloseCode)).Inc()
		if onClose != nil {
			onClose(c, end)
		}
	}
	options.OnRefuse = func(c receiver.Conn, refusal *receiver.Refusal) {
		m.refusals.WithLabelValues(strconv.FormatBool(refusal.Retry)).Inc()
		if onRefuse != nil {
			onRefuse(c, refusal)
		}
	}
}

// codeLabel is one of few: clients choose their codes, and each label value is
// kept for good.
func codeLabel(code int) string {
	if code >= 1000 && code <= 1014 {
		return strconv.Itoa(code)
	}
	return "other"
}

// WatchDedup adds the counts of d.
func (m *Metrics) WatchDedup(d *receiver.Dedup) {
	m.registry.MustRegister(
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Namespace: namespace, Name: "duplicate_records_total", Help: "Records that had come before, by their _id, and were not written again.",
		}, func() float64 { records, _ := d.Hits(); return float64(records) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Namespace: namespace, Name: "duplicate_chunks_total", Help: "Forward requests whose chunk had come before, and were not written again.",
		}, func() float64 { _, chunks := d.Hits(); return float64(chunks) }),
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
