// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package protocol is what the output and a receiver have to agree on: the messages of
// the subprotocol filebeat.ack.v1, which docs/protocol.md describes for authors of
// receivers, and the close codes. It does no I/O.
package protocol
