// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package wire is the client's side of a WebSocket connection for a checker: it writes any
// frame, also one that a client must not send, and keeps what the server does instead of
// failing over it. A library does neither.
//
// Each Conn has one goroutine, which reads, answers Pings and Close frames, and appends to
// a list of events. It ends with the connection, which Close ends.
package wire
