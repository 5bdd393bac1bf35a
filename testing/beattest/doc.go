// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package beattest runs the real filebeat and wsreceiver binaries for tests and
// benchmarks: it writes numbered log lines and configurations, starts and stops
// the processes, and reads their metrics, registry and logs.
//
// Functions named Start… take a test: they fail it on an error, and its Cleanup ends
// what they started. Those named Open… return the error, for benchmarks and the demo.
//
// The binaries are those at the root of the module, which `mage build` puts
// there. A test that needs a missing one fails.
package beattest
