// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package prometheus

import "strings"

// metric is one family. Its path is that of a number in /stats. A path that ends in .*
// stands for all numbers below it, whose names are the values of the label, or with
// histogram the buckets. With summary they are what libbeat makes of a sample.
type metric struct {
	path, name, help string
	scale            float64 // what the number is multiplied with; 0 is 1
	label            string
	histogram        bool
	summary          bool
}

const (
	milli = 1e-3
	micro = 1e-6
)

var table = []metric{
	// The process.
	{path: "beat.cpu.total.time.ms", name: "process_cpu_seconds_total", help: "CPU time of the process.", scale: milli},
	{path: "beat.memstats.rss", name: "process_resident_memory_bytes", help: "Resident memory."},
	{path: "beat.handles.open", name: "process_open_fds", help: "Open file descriptors."},
	{path: "beat.handles.limit.soft", name: "process_max_fds", help: "How many file descriptors may be open."},
	{path: "beat.runtime.goroutines", name: "go_goroutines", help: "Goroutines."},
	{path: "beat.memstats.memory_alloc", name: "go_memstats_heap_alloc_bytes", help: "Bytes of the heap that are in use."},
	{path: "beat.memstats.memory_total", name: "go_memstats_alloc_bytes_total", help: "Bytes that were allocated."},
	{path: "beat.memstats.memory_sys", name: "go_memstats_sys_bytes", help: "Bytes that Go has from the system."},
	{path: "beat.memstats.gc_next", name: "go_memstats_next_gc_bytes", help: "Size of the heap at which the collector runs next."},

	// Inputs and registry.
	{path: "filebeat.events.active", name: "filebeat_events_active", help: "Events that inputs wait for."},
	{path: "filebeat.events.added", name: "filebeat_events_added_total", help: "Events that inputs added."},
	{path: "filebeat.events.done", name: "filebeat_events_done_total", help: "Events whose end the inputs have heard of."},
	{path: "filebeat.harvester.running", name: "filebeat_harvester_running", help: "Files that are being read."},
	{path: "filebeat.harvester.open_files", name: "filebeat_harvester_open_files", help: "Files that are open."},
	{path: "filebeat.harvester.started", name: "filebeat_harvester_started_total", help: "Files that inputs began to read."},
	{path: "filebeat.harvester.closed", name: "filebeat_harvester_closed_total", help: "Files that inputs closed."},
	{path: "filebeat.harvester.skipped", name: "filebeat_harvester_skipped_total", help: "Files that the log input did not open."},
	{path: "filebeat.input.log.files.renamed", name: "filebeat_log_input_files_renamed_total", help: "Renamed files that the log input noticed."},
	{path: "filebeat.input.log.files.truncated", name: "filebeat_log_input_files_truncated_total", help: "Truncated files that the log input noticed."},
	{path: "registrar.states.current", name: "filebeat_registrar_states", help: "Files in the registry of the log input."},
	{path: "registrar.states.update", name: "filebeat_registrar_states_updated_total", help: "Changed places in the registry of the log input."},
	{path: "registrar.states.cleanup", name: "filebeat_registrar_states_removed_total", help: "Files that were removed from the registry of the log input."},
	{path: "registrar.writes.success", name: "filebeat_registrar_writes_succeeded_total", help: "Writes of the log input's registry that succeeded."},
	{path: "registrar.writes.fail", name: "filebeat_registrar_writes_failed_total", help: "Writes of the log input's registry that failed."},
	{path: "registrar.writes.total", name: "filebeat_registrar_writes_total", help: "Writes of the log input's registry."},
	{path: "libbeat.config.reloads", name: "filebeat_config_reloads_total", help: "Times that configuration was loaded anew."},
	{path: "libbeat.config.scans", name: "filebeat_config_scans_total", help: "Times that configuration was looked for."},
	{path: "libbeat.config.module.running", name: "filebeat_config_runners", help: "Inputs and modules from configuration that can be reloaded."},
	{path: "libbeat.config.module.starts", name: "filebeat_config_runner_starts_total", help: "Starts of such."},
	{path: "libbeat.config.module.stops", name: "filebeat_config_runner_stops_total", help: "Ends of such."},

	// The pipeline and its queue.
	{path: "libbeat.pipeline.clients", name: "filebeat_pipeline_clients", help: "Producers of events, such as open files."},
	{path: "libbeat.pipeline.events.active", name: "filebeat_pipeline_events_active", help: "Events between an input and their confirmation."},
	{path: "libbeat.pipeline.events.total", name: "filebeat_pipeline_events_total", help: "Events that came to the pipeline."},
	{path: "libbeat.pipeline.events.published", name: "filebeat_pipeline_events_published_total", help: "Events that were put into the queue."},
	{path: "libbeat.pipeline.events.filtered", name: "filebeat_pipeline_events_filtered_total", help: "Events that processors dropped."},
	{path: "libbeat.pipeline.events.failed", name: "filebeat_pipeline_events_failed_total", help: "Events that did not get into the queue."},
	{path: "libbeat.pipeline.events.dropped", name: "filebeat_pipeline_events_dropped_total", help: "Events that the pipeline dropped after too many attempts."},
	{path: "libbeat.pipeline.events.retry", name: "filebeat_pipeline_events_retry_total", help: "Events of batches that were retried."},
	{path: "libbeat.pipeline.queue.filled.pct", name: "filebeat_queue_filled_ratio", help: "Fraction of the queue that is in use, 0 to 1."},
	{path: "libbeat.pipeline.queue.filled.events", name: "filebeat_queue_filled_events", help: "Events in the queue."},
	{path: "libbeat.pipeline.queue.filled.bytes", name: "filebeat_queue_filled_bytes", help: "Bytes of the events in the queue."},
	{path: "libbeat.pipeline.queue.max_events", name: "filebeat_queue_max_events", help: "Events for which the queue has room; 0 if it counts bytes."},
	{path: "libbeat.pipeline.queue.max_bytes", name: "filebeat_queue_max_bytes", help: "Bytes for which the queue has room; 0 if it counts events."},
	{path: "libbeat.pipeline.queue.acked", name: "filebeat_queue_acked_events_total", help: "Events whose end the queue was told."},
	{path: "libbeat.pipeline.queue.added.events", name: "filebeat_queue_added_events_total", help: "Events that came into the queue."},
	{path: "libbeat.pipeline.queue.added.bytes", name: "filebeat_queue_added_bytes_total", help: "Bytes of the events that came into the queue."},
	{path: "libbeat.pipeline.queue.consumed.events", name: "filebeat_queue_consumed_events_total", help: "Events that were read from the queue."},
	{path: "libbeat.pipeline.queue.consumed.bytes", name: "filebeat_queue_consumed_bytes_total", help: "Bytes of the events that were read from the queue."},
	{path: "libbeat.pipeline.queue.removed.events", name: "filebeat_queue_removed_events_total", help: "Events that left the queue."},
	{path: "libbeat.pipeline.queue.removed.bytes", name: "filebeat_queue_removed_bytes_total", help: "Bytes of the events that left the queue."},

	// Every output has these.
	{path: "libbeat.output.events.total", name: "filebeat_output_events_total", help: "Events of all attempts."},
	{path: "libbeat.output.events.batches", name: "filebeat_output_batches_total", help: "Batches of all attempts."},
	{path: "libbeat.output.batches.split", name: "filebeat_output_batches_split_total", help: "Batches that were split."},
	{path: "libbeat.output.events.active", name: "filebeat_output_events_active", help: "Events of attempts that are not over."},
	{path: "libbeat.output.events.acked", name: "filebeat_output_events_acked_total", help: "Events that were confirmed."},
	{path: "libbeat.output.events.failed", name: "filebeat_output_events_failed_total", help: "Events of failed attempts, which are retried."},
	{path: "libbeat.output.events.dropped", name: "filebeat_output_events_dropped_total", help: "Events that were dropped."},
	{path: "libbeat.output.events.duplicates", name: "filebeat_output_events_duplicates_total", help: "Events that the server had already."},
	{path: "libbeat.output.events.dead_letter", name: "filebeat_output_events_dead_letter_total", help: "Events that other outputs sent to a dead letter index."},
	{path: "libbeat.output.events.toomany", name: "filebeat_output_events_toomany_total", help: "Events that a server refused because there were too many."},
	{path: "libbeat.output.write.bytes", name: "filebeat_output_write_bytes_total", help: "Bytes written to the sockets."},
	{path: "libbeat.output.write.errors", name: "filebeat_output_write_errors_total", help: "Writes to the sockets that failed."},
	{path: "libbeat.output.write.latency.histogram.*", name: "filebeat_output_write_latency_seconds", help: "Time from Publish to the last confirmation of a batch, as libbeat samples it since the start.", scale: milli, summary: true},
	{path: "libbeat.output.read.bytes", name: "filebeat_output_read_bytes_total", help: "Bytes read from the sockets."},
	{path: "libbeat.output.read.errors", name: "filebeat_output_read_errors_total", help: "Reads from the sockets that failed."},

	// output.websocket.
	{path: "libbeat.output.websocket.lag.seconds", name: "filebeat_websocket_lag_seconds", help: "Age of the oldest event that was read and is not confirmed."},
	{path: "libbeat.output.websocket.lag.bytes", name: "filebeat_websocket_lag_bytes", help: "Bytes of files behind the last confirmed event."},
	{path: "libbeat.output.websocket.lag.largest_bytes", name: "filebeat_websocket_lag_largest_bytes", help: "Such bytes of the file that is farthest behind."},
	{path: "libbeat.output.websocket.lag.files", name: "filebeat_websocket_lag_files", help: "Files that are behind."},
	{path: "libbeat.output.websocket.connections.open", name: "filebeat_websocket_connections_open", help: "Open connections."},
	{path: "libbeat.output.websocket.connections.opened", name: "filebeat_websocket_connections_opened_total", help: "Attempts that led to a connection."},
	{path: "libbeat.output.websocket.connections.failed", name: "filebeat_websocket_connections_failed_total", help: "Attempts to connect that failed."},
	{path: "libbeat.output.websocket.connections.reconnects", name: "filebeat_websocket_connections_reconnects_total", help: "Connections that replaced an earlier one."},
	{path: "libbeat.output.websocket.connections.closed.*", name: "filebeat_websocket_connections_closed_total", help: "Connections that ended, by close code or another cause.", label: "cause"},
	{path: "libbeat.output.websocket.in_flight.batches", name: "filebeat_websocket_in_flight_batches", help: "Batches without a verdict yet."},
	{path: "libbeat.output.websocket.in_flight.events", name: "filebeat_websocket_in_flight_events", help: "Events of batches without a verdict yet."},
	{path: "libbeat.output.websocket.in_flight.bytes", name: "filebeat_websocket_in_flight_bytes", help: "Bytes of the messages without a verdict yet."},
	{path: "libbeat.output.websocket.messages.sent", name: "filebeat_websocket_messages_sent_total", help: "Messages handed to a connection."},
	{path: "libbeat.output.websocket.messages.confirmed", name: "filebeat_websocket_messages_confirmed_total", help: "Messages that were confirmed."},
	{path: "libbeat.output.websocket.messages.nacked", name: "filebeat_websocket_messages_nacked_total", help: "Messages that were refused."},
	{path: "libbeat.output.websocket.messages.bytes", name: "filebeat_websocket_message_bytes_total", help: "Bytes of messages before compression."},
	{path: "libbeat.output.websocket.messages.wire_bytes", name: "filebeat_websocket_message_wire_bytes_total", help: "Bytes of messages after compression."},
	{path: "libbeat.output.websocket.confirmation.latency_us.buckets.*", name: "filebeat_websocket_confirmation_seconds", help: "Time from Publish to the last confirmation of a batch.", scale: micro, histogram: true},
	{path: "libbeat.output.websocket.ping.rtt_us.buckets.*", name: "filebeat_websocket_ping_seconds", help: "Time from a Ping to the next Pong.", scale: micro, histogram: true},
	{path: "libbeat.output.websocket.dropped.*", name: "filebeat_websocket_dropped_events_total", help: "Events that were dropped, by reason.", label: "reason"},
	{path: "libbeat.output.websocket.events_without_id", name: "filebeat_websocket_events_without_id_total", help: "Events that went on without an id."},
	{path: "libbeat.output.websocket.dead_letter.written", name: "filebeat_websocket_dead_letters_written_total", help: "Dropped events that were written to the dead letter file."},
	{path: "libbeat.output.websocket.dead_letter.errors", name: "filebeat_websocket_dead_letters_failed_total", help: "Dropped events that could not be written to it."},
	{path: "libbeat.output.websocket.queue.renamed_keys", name: "filebeat_websocket_queue_renamed_keys_total", help: "Empty keys of events that were renamed for the disk queue."},
}

// kind returns the type of a family.
func (m metric) kind() string {
	switch {
	case m.histogram:
		return "histogram"
	case m.summary:
		return "summary"
	case strings.HasSuffix(m.name, "_total"):
		return "counter"
	default:
		return "gauge"
	}
}

// NameOf returns the name of the family that has a number of /stats, and whether there is
// one.
func NameOf(path string) (name string, ok bool) {
	for _, m := range table {
		below, isPrefix := strings.CutSuffix(m.path, "*")
		if m.path == path || isPrefix && strings.HasPrefix(path, below) {
			return m.name, true
		}
	}
	return "", false
}
