// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

// Dashboard is a page of panels.
type Dashboard struct {
	File  string // in this folder
	UID   string
	Title string
	Job   string // of Prometheus
	Rows  []Row
}

// Row is a line of panels under a title.
type Row struct {
	Title  string
	Panels []Panel
}

// Panel is a graph.
type Panel struct {
	Title   string
	Unit    string // as Grafana names it
	Help    string
	Queries []Query
}

// Query is an expression and the name of what it gives. SELECT stands for the job and the
// chosen instances, and RATE for a time that covers several scrapes.
type Query struct{ Legend, Expr string }

// All are the dashboards.
var All = []Dashboard{
	{
		File: "agents.json", UID: "filebeat-websocket-agents", Title: "Filebeat: agents", Job: "filebeat",
		Rows: []Row{
			{"Is it well", []Panel{
				{"Age of the oldest unconfirmed event", "s", "An event that was read and is not confirmed. Above 5 minutes: FilebeatLags.", []Query{
					{"{{instance}}", "filebeat_websocket_lag_seconds{SELECT}"},
				}},
				{"Bytes behind", "bytes", "Sizes of the files, less what is confirmed.", []Query{
					{"{{instance}}", "filebeat_websocket_lag_bytes{SELECT}"},
				}},
				{"Confirmed events", "cps", "", []Query{
					{"{{instance}}", "rate(filebeat_output_events_acked_total{SELECT}[RATE])"},
				}},
				{"Dropped events, by reason", "short", "These are lost, except for the dead letters.", []Query{
					{"{{instance}} {{reason}}", "increase(filebeat_websocket_dropped_events_total{SELECT}[RATE])"},
				}},
			}},
			{"Files and queue", []Panel{
				{"Files behind", "short", "/inputs/ names those that are farthest behind.", []Query{
					{"{{instance}}", "filebeat_websocket_lag_files{SELECT}"},
				}},
				{"Largest file behind", "bytes", "", []Query{
					{"{{instance}}", "filebeat_websocket_lag_largest_bytes{SELECT}"},
				}},
				{"Queue in use", "percentunit", "Near 1 for long: the server is slower than the inputs.", []Query{
					{"{{instance}}", "filebeat_queue_filled_ratio{SELECT}"},
				}},
				{"Files that are read", "short", "", []Query{
					{"{{instance}}", "filebeat_harvester_running{SELECT}"},
				}},
			}},
			{"Connections", []Panel{
				{"Open connections", "short", "", []Query{
					{"{{instance}}", "filebeat_websocket_connections_open{SELECT}"},
				}},
				{"Failed attempts and replaced connections", "short", "", []Query{
					{"{{instance}} failed", "increase(filebeat_websocket_connections_failed_total{SELECT}[RATE])"},
					{"{{instance}} replaced", "increase(filebeat_websocket_connections_reconnects_total{SELECT}[RATE])"},
				}},
				{"Ends of connections, by cause", "short", "A close code, or another cause.", []Query{
					{"{{instance}} {{cause}}", "increase(filebeat_websocket_connections_closed_total{SELECT}[RATE])"},
				}},
				{"Refused messages and repeated events", "short", "", []Query{
					{"{{instance}} refused", "increase(filebeat_websocket_messages_nacked_total{SELECT}[RATE])"},
					{"{{instance}} repeated", "increase(filebeat_output_events_failed_total{SELECT}[RATE])"},
				}},
			}},
			{"Times and bytes", []Panel{
				{"Time to the confirmation of a batch", "s", "", []Query{
					{"median", "histogram_quantile(0.5, sum by (le) (rate(filebeat_websocket_confirmation_seconds_bucket{SELECT}[RATE])))"},
					{"99 of 100", "histogram_quantile(0.99, sum by (le) (rate(filebeat_websocket_confirmation_seconds_bucket{SELECT}[RATE])))"},
				}},
				{"Round trip of a Ping", "s", "", []Query{
					{"median", "histogram_quantile(0.5, sum by (le) (rate(filebeat_websocket_ping_seconds_bucket{SELECT}[RATE])))"},
					{"99 of 100", "histogram_quantile(0.99, sum by (le) (rate(filebeat_websocket_ping_seconds_bucket{SELECT}[RATE])))"},
				}},
				{"Events in flight", "short", "", []Query{
					{"{{instance}}", "filebeat_websocket_in_flight_events{SELECT}"},
				}},
				{"Bytes of messages", "Bps", "Before and after compression.", []Query{
					{"{{instance}} before", "rate(filebeat_websocket_message_bytes_total{SELECT}[RATE])"},
					{"{{instance}} after", "rate(filebeat_websocket_message_wire_bytes_total{SELECT}[RATE])"},
				}},
			}},
			{"Process", []Panel{
				{"CPU", "percentunit", "1 is one core.", []Query{
					{"{{instance}}", "rate(process_cpu_seconds_total{SELECT}[RATE])"},
				}},
				{"Resident memory", "bytes", "", []Query{
					{"{{instance}}", "process_resident_memory_bytes{SELECT}"},
				}},
				{"Open file descriptors", "short", "", []Query{
					{"{{instance}}", "process_open_fds{SELECT}"},
				}},
				{"Time since the start", "s", "", []Query{
					{"{{instance}}", "time() - process_start_time_seconds{SELECT}"},
				}},
			}},
		},
	},
	{
		File: "receivers.json", UID: "filebeat-websocket-receivers", Title: "wsreceiver: receivers", Job: "wsreceiver",
		Rows: []Row{
			{"Is it well", []Panel{
				{"Records", "cps", "Duplicates included.", []Query{
					{"{{instance}}", "rate(wsreceiver_records_total{SELECT}[RATE])"},
				}},
				{"Open connections", "short", "", []Query{
					{"{{instance}}", "wsreceiver_connections{SELECT}"},
				}},
				{"Errors of the output", "short", "", []Query{
					{"{{instance}} writes", "increase(wsreceiver_write_errors_total{SELECT}[RATE])"},
					{"{{instance}} commits", "increase(wsreceiver_commit_errors_total{SELECT}[RATE])"},
				}},
				{"Free space of the disk", "bytes", "", []Query{
					{"{{instance}}", "wsreceiver_output_disk_free_bytes{SELECT}"},
				}},
			}},
			{"Traffic", []Panel{
				{"Bytes of messages", "Bps", "", []Query{
					{"{{instance}}", "rate(wsreceiver_message_bytes_total{SELECT}[RATE])"},
				}},
				{"Messages", "cps", "", []Query{
					{"{{instance}}", "rate(wsreceiver_messages_total{SELECT}[RATE])"},
				}},
				{"Duration of a commit", "s", "For files, of their sync.", []Query{
					{"median", "histogram_quantile(0.5, sum by (le) (rate(wsreceiver_commit_seconds_bucket{SELECT}[RATE])))"},
					{"99 of 100", "histogram_quantile(0.99, sum by (le) (rate(wsreceiver_commit_seconds_bucket{SELECT}[RATE])))"},
				}},
				{"Connections that were opened", "short", "", []Query{
					{"{{instance}}", "increase(wsreceiver_connections_opened_total{SELECT}[RATE])"},
				}},
			}},
			{"Refusals", []Panel{
				{"Refused upgrades, by status", "short", "", []Query{
					{"{{instance}} {{status}}", "increase(wsreceiver_requests_refused_total{SELECT}[RATE])"},
				}},
				{"Resident memory", "bytes", "", []Query{
					{"{{instance}}", "process_resident_memory_bytes{SELECT}"},
				}},
				{"CPU", "percentunit", "1 is one core.", []Query{
					{"{{instance}}", "rate(process_cpu_seconds_total{SELECT}[RATE])"},
				}},
				{"Open file descriptors", "short", "", []Query{
					{"{{instance}}", "process_open_fds{SELECT}"},
				}},
			}},
		},
	},
}
