// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/outputs"
	"github.com/elastic/elastic-agent-libs/monitoring"
)

func scrape(t *testing.T, registry *monitoring.Registry) (string, map[string]*dto.MetricFamily) {
	t.Helper()
	answer := httptest.NewRecorder()
	NewHandler(registry, "9.0.0").ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, Path, nil))
	require.Equal(t, http.StatusOK, answer.Code)
	require.Equal(t, ContentType, answer.Header().Get("Content-Type"))
	text := answer.Body.String()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	require.NoError(t, err, text)
	return text, families
}

func TestNumbersHaveTheirNameUnitAndType(t *testing.T) {
	registry := monitoring.NewRegistry()
	monitoring.NewInt(registry, "beat.cpu.total.time.ms").Set(1500)
	monitoring.NewUint(registry, "libbeat.output.events.acked").Set(7)
	monitoring.NewFloat(registry, "libbeat.pipeline.queue.filled.pct").Set(0.25)
	monitoring.NewUint(registry, "libbeat.output.websocket.connections.closed.1006").Set(2)
	monitoring.NewUint(registry, "libbeat.output.websocket.connections.closed.a\"b\\c").Set(1)
	buckets := "libbeat.output.websocket.ping.rtt_us.buckets."
	for name, number := range map[string]int64{"500": 1, "2500": 3, "10000": 3, "count": 4, "sum": 90_000} {
		monitoring.NewInt(registry, buckets+name).Set(number)
	}
	_, families := scrape(t, registry)

	cpu := families["process_cpu_seconds_total"]
	require.Equal(t, dto.MetricType_COUNTER, cpu.GetType())
	require.InDelta(t, 1.5, cpu.Metric[0].Counter.GetValue(), 0)
	require.InDelta(t, 7, families["filebeat_output_events_acked_total"].Metric[0].Counter.GetValue(), 0)
	require.InDelta(t, 0.25, families["filebeat_queue_filled_ratio"].Metric[0].Gauge.GetValue(), 0)
	closed := families["filebeat_websocket_connections_closed_total"]
	require.Len(t, closed.Metric, 2)
	require.Equal(t, "1006", closed.Metric[0].Label[0].GetValue())
	require.Equal(t, "a\"b\\c", closed.Metric[1].Label[0].GetValue())

	ping := families["filebeat_websocket_ping_seconds"]
	require.Equal(t, dto.MetricType_HISTOGRAM, ping.GetType())
	histogram := ping.Metric[0].Histogram
	require.Equal(t, uint64(4), histogram.GetSampleCount())
	require.InDelta(t, 0.09, histogram.GetSampleSum(), 1e-9)
	require.Len(t, histogram.Bucket, 4, "with that of +Inf")
	require.InDelta(t, 0.0005, histogram.Bucket[0].GetUpperBound(), 1e-9)
	require.Equal(t, uint64(3), histogram.Bucket[1].GetCumulativeCount())
	require.InDelta(t, 0.01, histogram.Bucket[2].GetUpperBound(), 1e-9)
}

// What is text, and what is not in the table, is not served: it may be a secret, or come
// in any number.
func TestTheLatencyOfEveryOutputIsASummary(t *testing.T) {
	registry := monitoring.NewRegistry()
	stats := outputs.NewStats(registry.NewRegistry("libbeat.output"))
	latency := func() *dto.Summary {
		_, families := scrape(t, registry)
		family := families["filebeat_output_write_latency_seconds"]
		require.Equal(t, dto.MetricType_SUMMARY, family.GetType())
		return family.Metric[0].Summary
	}
	require.Empty(t, latency().Quantile)
	for i := range 100 {
		stats.ReportLatency(time.Duration(i+1) * 10 * time.Millisecond)
	}
	require.Equal(t, uint64(100), latency().GetSampleCount())
	require.Len(t, latency().Quantile, len(quantiles))
	require.InDelta(t, 0.505, latency().Quantile[0].GetValue(), 1e-9)
	require.InDelta(t, 0.95, latency().Quantile[2].GetValue(), 0.02)
}

func TestNothingElseIsServed(t *testing.T) {
	registry := monitoring.NewRegistry()
	monitoring.NewString(registry, "beat.info.name").Set("hunter2")
	monitoring.NewString(registry, "libbeat.output.websocket.dropped.text").Set("hunter2")
	monitoring.NewInt(registry, "libbeat.output.websocket.hunter2").Set(1)
	text, families := scrape(t, registry)
	require.NotContains(t, text, "hunter2")
	require.Len(t, families, 2, "filebeat_info and process_start_time_seconds")
}

func TestNamesAreByTheConventions(t *testing.T) {
	names, paths := map[string]bool{}, map[string]bool{}
	for _, m := range table {
		require.False(t, names[m.name], m.name)
		require.False(t, paths[m.path], m.path)
		names[m.name], paths[m.path] = true, true
		require.True(t, model.LegacyValidation.IsValidMetricName(m.name), m.name)
		require.True(t, strings.HasSuffix(m.help, "."), m.name)
		require.Equal(t, strings.HasSuffix(m.path, "*"), m.label != "" || m.histogram || m.summary, m.path)
		for _, unit := range []string{"_ms", "_us", "_milliseconds", "_microseconds", "_pct", "_kb"} {
			require.NotContains(t, m.name, unit)
		}
		if m.histogram || m.summary {
			require.True(t, strings.HasSuffix(m.name, "_seconds"), m.name)
		}
	}
}

func TestOnlyReadingIsAllowed(t *testing.T) {
	answer := httptest.NewRecorder()
	NewHandler(monitoring.NewRegistry(), "9.0.0").ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodPost, Path, nil))
	require.Equal(t, http.StatusMethodNotAllowed, answer.Code)
}
