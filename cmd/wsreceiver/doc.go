// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Command wsreceiver accepts log records over WebSocket and writes them as
// NDJSON, one record per line:
//
//	wsreceiver --listen 127.0.0.1:8080 --path /ingest --out records.ndjson
//
// Records go to --out: a file, or a folder with rotated files. The log goes to
// standard error. Clients that offer the subprotocol filebeat.ack.v1 get acks, others
// a Pong for each Ping. Both mean that the records are in the output; for a file, that
// they are on disk, unless --sync=false. While the output cannot be written, for
// example on a full disk, records are refused with the request to send them again and
// /healthz answers 503 with the reason. It recovers by itself.
//
// Beyond loopback it listens only with --token-file, --client-ca or --insecure.
// docs/receiver.md has all flags and explains how to run it.
//
// SIGHUP makes it reopen its output after a log rotation. Without it, it notices a
// moved file by itself with the next record.
//
// With verify as its first argument it compares log files with what has landed, and exits:
//
//	wsreceiver verify --landed records/ /var/log/app/*.log*
//
// docs/verify.md has the flags and exit codes of that.
//
// SIGTERM or SIGINT starts a graceful shutdown: /readyz fails, for --shutdown-delay before
// anything else; then it writes, syncs and confirms what it has read, closes connections
// with 1001 and exits with 0. The exit code is 2 for a wrong flag, and 1 if it cannot
// listen or cannot open a file that a flag names.
package main
