// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package session is one connection's lifetime: a connection, an ack strategy
// and the window of flights. A session dies once, with a cause, and hands back every
// flight that was not confirmed.
//
// # Goroutines
//
// Open starts two, and both end when the session dies:
//
//   - readLoop reads until the connection ends, and turns Pongs into
//     confirmations.
//   - watchLoop sends heartbeats and ends a connection that no longer answers.
//
// Send runs on the caller's goroutine, one call at a time. Close may be called
// from any goroutine, also while Send is blocked.
//
// # Locks
//
// writeMutex is held while frames are appended and written, so that the numbers
// of Pings have the order they have on the wire. stateMutex guards the window,
// the strategy and the times. writeMutex is taken before stateMutex, never
// after it. Flight.Settled is called with neither held.
package session
