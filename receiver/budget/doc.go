// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package budget bounds the memory of a receiver by one number of bytes, for all
// of its listeners together.
//
// A message goes through three stages, and each has a share of the number:
//
//	stage        share   who waits for it           what frees it
//	arriving     7/16    who reads a message        a client that sends on, or an eviction
//	decoding     3/8     who has read one           the decoder and the Sink
//	uncommitted  1/16    who has handed one on      Commit
//
// Two more of 1/16 are not waited for: one for larger read buffers of clients that send
// fast, where who gets none does with a small one, and one for confirmations that a
// client is slow to read, where who gets none is not read any more. The share for decoding has two lanes: 1/8 for messages that need little, 1/4 for
// the others, so that large messages do not hold up small ones.
//
// # No deadlock
//
// Only the first stage depends on clients, and a client can stop at any time.
// There, whoever waits for bytes may hold some, so all could wait for each other.
// This is resolved by eviction: while the first claim does not fit, the Lease with the
// largest product of bytes and age is ended, be it that of the claimer itself. Its
// holder is interrupted wherever it waits, and needs nothing to let go. A Lease is
// left alone for its first quarter of a second, so that a burst of good clients
// waits instead, and while it is pinned: while its message is decoded and consumed.
//
// A stage waits for a later one, never for an earlier one: while it arrives a
// message holds nothing of the other shares, and whoever holds a lane of decoding
// asks for nothing but what the Sink needs. So what is pinned comes to an end when
// the Sink does, and Commit depends on no client.
//
// # Fairness
//
// Of messages that arrive the one that would hold least is served first, so that a
// short one does not wait behind a thousand that stall; a long one waits, or goes, when
// there are more short ones than fit. The lanes of decoding are served in the order in
// which messages came: one that needs all of a lane is not overtaken for ever. A new
// message has no bytes and no age, so the evicted one is always one that has cost more.
package budget
