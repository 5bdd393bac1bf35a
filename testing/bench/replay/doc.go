// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Command replay measures wsreceiver: how many records a second it takes into
// files that are synced before an ack, or into an engine, and what memory it needs for that.
//
//	go tool mage build && go run ./testing/bench/replay
//
// Each run of a case is a fresh wsreceiver with stock flags that writes to a
// folder, and this process as its clients. They send messages encoded beforehand,
// framed and masked as the output does it, in format json_lines, and keep several in
// flight on each connection.
//
// What is measured:
//   - records/s: from the acks, between the first and the last.
//   - p50 and p99: from the first byte of a message written to its ack.
//   - CPU s per million records: user and system time of wsreceiver's process,
//     from its start to its end.
//   - peak RSS: ru_maxrss of that process.
//
// With -engines wsreceiver publishes to an engine instead, in turns with a plain client of
// the same library: the same records, window and durability. Engine, client and receiver
// are processes of their own; nats-server and kfake, a fake of a broker of Kafka, come from
// their modules.
//
//	go run ./testing/bench/replay -engines -length 5s
//
// After each run into files the lines in the folder are counted. A run fails if their number is
// not that of the acked records. Clients and receiver share the machine.
package main
