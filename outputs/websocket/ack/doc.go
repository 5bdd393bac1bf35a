// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package ack says how a message comes to be confirmed. A Strategy is a pure
// state machine for one connection: it does no I/O and takes no lock. The
// session calls it under its own lock, tells it what was written and what came
// in, and does what it asks for.
//
// Adding a strategy is one file that calls Register from its init function. The
// conformance test in this package runs every registered strategy over the same
// fault scripts.
package ack
