// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package roundtrip holds the two ends to each other: what the codecs and
// framings of the output write, the receiver reads, in a real WebSocket message,
// and makes the records of it that were meant.
package roundtrip
