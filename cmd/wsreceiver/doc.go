// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Command wsreceiver takes log records over WebSocket and writes them as
// NDJSON, a record a line:
//
//	wsreceiver --listen 127.0.0.1:8080 --path /ingest --out records.ndjson
//
// Records go to --out, log lines to standard error. SIGTERM or SIGINT ends it
// orderly: it answers what it has read, closes connections with 1001 and exits
// with 0. The exit code is 2 for a wrong flag and 1 if it can't listen or open
// the output.
package main
