// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Command wsreceiver takes log records over WebSocket and writes them as
// NDJSON, a record a line:
//
//	wsreceiver --listen 127.0.0.1:8080 --path /ingest --out records.ndjson
//
// Records go to --out, a file or a folder of files that are rotated, log lines to
// standard error. Clients that offer the subprotocol filebeat.ack.v1 get an ack,
// others a Pong for their Ping, and both mean that the records are in the output:
// for a file, that they are on disk, unless --sync=false. While the output can't be
// written, for lack of space say, records are refused with the request to send them
// again, /healthz answers 503 with the reason, and nothing else has to be done once
// there is space again.
//
// It listens to more than loopback only with tokens or certificates of clients, or
// if told so. docs/receiver.md has all flags, and how to run it.
//
// SIGTERM or SIGINT ends it orderly: it writes, syncs and confirms what it has
// read, closes connections with 1001 and exits with 0. The exit code is 2 for a
// wrong flag and 1 if it can't listen or open a file that a flag names.
package main
