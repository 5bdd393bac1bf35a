// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package forward is what the output and a receiver have to agree on when they speak the
// Fluent Forward protocol (v1, as Fluentd and Fluent Bit do) over WebSocket: the messages
// of the handshake, the digests in them, and the confirmation of a chunk. Stream finds where
// such values begin and end. docs/formats.md shows the bytes. It does no I/O.
//
// Parsers accept str and bin for each other, because senders differ in that, and ignore
// what they do not know. They copy what they return, and never need more memory than the
// message.
package forward
