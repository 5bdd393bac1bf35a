// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package budget bounds the memory of a receiver by one number of bytes, for all
// of its listeners together.
//
// A message goes through three stages, and each has a share of the number:
//
//	stage        share   who waits for it           what frees it
//	arriving     7/16    the reader of a message    a client that sends on, or an eviction
//	decoding     3/8     the reader, after that     the decoder and the Sink
//	uncommitted  1/16    the reader, after Consume  Commit
//
// Two more shares of 1/16 are never waited for. One is for larger read buffers of clients
// that send fast: without room a client keeps its small buffer. The other is for
// confirmations that a client is slow to read: without room the client is not read any
// more. Decoding has two lanes, 1/8 for small messages and 1/4 for large ones, so that
// large messages do not hold up small ones.
//
// # No deadlock
//
// Only the first stage depends on clients, and a client can stop at any time.
// There, a client that waits for bytes may hold some, so all could wait for each other.
// This is resolved by eviction: while the first claim does not fit, the Lease with the
// largest product of bytes and age is ended, which may be the claimer's own. Its holder
// is interrupted wherever it waits, and needs nothing to let go. A Lease is
// left alone for its first quarter of a second, so that a burst of good clients
// waits instead, and while it is pinned: while its message is decoded and consumed.
//
// A stage waits for a later one, never for an earlier one: while it arrives a
// message holds nothing of the other shares, and the holder of a lane of decoding
// asks only for what the Sink needs. So what is pinned comes to an end when
// the Sink does, and Commit depends on no client.
//
// # Fairness
//
// Among arriving messages the one that would hold the fewest bytes is served first, so
// that a short one does not wait behind a thousand that stall; a long one waits, or is
// evicted, when there are more short ones than fit. The lanes of decoding are served in
// the order in which messages came: one that needs all of a lane is not overtaken for
// ever. A new message has no bytes and no age, so eviction always ends one that has cost
// more.
package budget
