// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Command bench measures what output.websocket costs and compares it with its
// goals. `mage bench` builds filebeat and runs all of it; a part, from the root:
//
//	go run ./testing/bench -suites cost,peers -rounds 5
//
// Each run of a case is a fresh filebeat that reads numbered lines with filestream
// and sends them to a server in this process, which counts and discards them. A round
// runs every case of a suite once; rounds alternate in direction. The speed of a
// machine varies over minutes, so cases are compared within a round, and the tables
// have the median of the rounds, with minimum and maximum.
//
// What is measured:
//   - events/s: from the acked events (libbeat.output.events.acked), between the
//     first reading above 0 and the last one below the total. This leaves out the
//     start-up, and the wait of the queue before it hands over a short last batch.
//   - CPU s per million events: user and system time of the whole process, from
//     its start to its end.
//   - peak RSS: ru_maxrss of the process.
//
// The server takes CPU time too; with few cores that lowers events/s of all cases
// that use it.
package main
