// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package framing lays records out in WebSocket messages. A framing knows how
// long a message of given records is and how to append it. It never fails, keeps
// nothing and is safe for concurrent use.
//
// Adding a framing is one file that calls Register from its init function. The
// conformance test in this package runs over every registered framing.
package framing
