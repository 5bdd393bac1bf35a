// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package ack decides when a message is confirmed. A Strategy is a pure state machine
// for one connection: it does no I/O and takes no lock. The session calls it under a
// lock of its own, tells it what was written and what came in, and does what it asks
// for.
//
// A new strategy is one file that calls Register from its init function. The
// conformance test in this package runs every registered strategy through the same
// fault scripts.
package ack
