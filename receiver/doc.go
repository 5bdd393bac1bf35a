// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package receiver takes log records over WebSocket: an http.Handler that
// upgrades, reads messages, decodes them to records and hands these on, message
// by message.
//
//	output, err := file.Open("records.ndjson")
//	...
//	ingest, err := receiver.New(output, receiver.Options{})
//	...
//	http.Handle("/ingest", ingest)
//
// # What an ack proves
//
// To a client that offers the subprotocol filebeat.ack.v1 (package protocol) the
// Handler sends {"ack": n}: the Sink's Consume has returned nil for the messages up
// to n of this connection, and a Commit that began after that has returned nil too.
// Messages that got a nack before are the exception: nothing of
// them was taken, or only the records that the nack does not name. So an ack
// proves what Consume and Commit prove: with package sink/file, that the records are
// on disk; with a SinkFunc, that they were handed over. An ack that does not come proves nothing: the client sends
// again, and records can come twice.
//
// Acks are cumulative, and one answers everything that was read at once: they are
// due when a connection's read buffer runs empty, or at a Ping. Commit is called for all
// connections together: what is consumed while it runs is for the next call, so
// one fsync serves everything that came during the one before. When it fails,
// whatever is not committed is refused and comes again. A client that waits longer than a second is told {"progress": true} every second.
//
// Requests of Fluent Forward that carry the id of their chunk are acked too, each by
// its id, in MessagePack (package forward), whatever the client offers; what the ack
// proves is the same. Forward has no nacks: a request that was refused, in part or
// as a whole, is not acked.
//
// # What a Pong means
//
// The same, for everyone (RFC 6455 5.5.2-5.5.3: a Pong with the Ping's payload).
// Frames arrive in order, and a Ping is answered in its place among them, so a
// Pong tells the client that every message whose last frame came before the Ping
// was consumed and committed, or was refused by a nack.
// Without the subprotocol there are no nacks: a refusal, or a Commit that fails,
// closes the connection, and no Ping after the messages at fault is ever answered.
//
// A Consume that takes long stops the reading: the client feels back-pressure
// through TCP, and nothing piles up here.
//
// # Formats
//
// Every format becomes records of JSON, none of which spans lines. JSON passes
// through as it is; docs/formats.md says what becomes of the rest, and nothing of
// it is lost but what JSON can't say: bytes that are no text where text is due are
// U+FFFD, and numbers that are none are null. The format auto takes what it can't
// tell to be anything else for raw text, of any bytes.
//
// # Duplicates
//
// A client that lost a confirmation sends the records again. Package dedup leaves
// out records whose @metadata._id, and Forward requests whose chunk, is among the
// newest that were taken; they are confirmed all the same:
//
//	ingest, err := receiver.New(dedup.New(1_000_000, output), receiver.Options{})
//
// # Authentication
//
// Package access has bearer tokens and TLS, for this or any other http.Handler.
//
// With Options.Forward.SharedKey every connection begins with the handshake of Fluent
// Forward, in which client and server prove to each other that they know the key. It
// comes before any message, so clients that do not speak Forward are not admitted. A
// client has ten seconds for it, and 8 KiB.
//
// # Goroutines
//
// A connection has two: the one that net/http runs ServeHTTP on reads, decodes and
// calls Consume, after it has led the handshake of Fluent Forward if there is one;
// replyLoop writes acks, nacks and Pongs, and ends with it. A Handler has one more while something waits for Commit: commitLoop. Shutdown
// waits for all of them.
//
// # Ownership of memory
//
// A Message and everything it points to belong to the connection and are used
// again for the next message: a Consume that keeps records beyond its return
// copies them. Consume is called from many connections at the same time.
//
// # Limits
//
// A connection holds a read buffer of 64 KiB. Clients may compress messages
// (permessage-deflate); all limits are on what comes out of that. The buffer for a
// message is taken from a pool when the message begins and given back when Consume
// has returned; it grows with the bytes that really came, up to
// Options.MaxMessageBytes. While such a message is decoded and consumed it can need
// a multiple of that: raw text is up to six times as long once it is JSON, and a
// message of nothing but one-byte records has twelve bytes of slice header for each
// of its own. Records of other formats than JSON may be eight times as long as a
// message together; gzip in it is inflated up to Options.MaxMessageBytes. A length
// that a message claims takes no memory: only bytes that came do.
//
// Options.MaxUncommittedBytes bounds what waits for Commit, Options.MaxConnections
// the rest. A client that does not read its confirmations is owed a thousand of
// them at most, or as many as one message asks for, is then not read any more, and
// cut after Options.WriteTimeout.
//
// A message that is of the wrong frame type, or not what the format says, gets a
// nack that it must not be sent again, for single lines of json_lines and ltsv if
// there are others; without the subprotocol it ends its connection with 1003 or
// 1007 and a reason. Text that is not UTF-8 is 1007 and a message that is too long
// 1009 in either case, after what came before was confirmed. Other connections
// notice nothing.
package receiver
