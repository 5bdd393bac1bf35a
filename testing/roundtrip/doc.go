// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package roundtrip compares the two ends: the receiver reads what the codecs and
// framings of the output write, in real WebSocket messages, and finds the records that
// were meant.
package roundtrip
