// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package beattest runs the real filebeat and wsreceiver binaries for tests and
// benchmarks: it writes numbered log lines and configurations, starts and stops
// the processes, and reads their metrics, registry and logs.
//
// The binaries are those at the root of the module, which `mage build` puts
// there. A test that needs a missing one fails.
package beattest
