// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package receiver receives log records over WebSocket. Its Handler is an http.Handler
// that upgrades requests, reads messages, decodes them to records and hands these to a
// Sink, message by message.
//
//	output, err := file.Open("records.ndjson")
//	...
//	ingest, err := receiver.New(output, receiver.Options{})
//	...
//	http.Handle("/ingest", ingest)
//
// # What an ack proves
//
// A client that offers the subprotocol filebeat.ack.v1 (package protocol) is sent
// {"ack": n} when the Sink's Consume has returned nil for the messages up to n of this
// connection, and a Commit that began after that has returned nil too. The exception
// are messages that got a nack before: nothing of them was taken, or only the records
// that the nack does not name. With package sink/file an ack means that the records are
// on disk; with a SinkFunc, that they were handed over. A missing ack proves nothing:
// the client sends the records again, and they can arrive twice (at-least-once).
//
// Acks are cumulative. They are due when a connection's read buffer runs empty, or at a
// Ping, so one ack answers everything that was read at once. Commit is called for all
// connections together: one fsync serves everything that arrived during the previous
// one. When it fails, everything that is not committed is refused, and sent again. A
// client that waits longer than a second gets {"progress": true} every second.
//
// Requests of Fluent Forward with a chunk are acked too, each by its chunk, in
// MessagePack (package forward), whatever subprotocol the client offers. Such an ack
// proves the same. Forward has no nacks: a request that was refused, in part or as a
// whole, is not acked.
//
// # What a Pong means
//
// A Pong proves the same, to every client (RFC 6455 5.5.2-5.5.3: a Pong with the Ping's
// payload). Frames arrive in order, and a Ping is answered in its place among them: all
// messages that ended before the Ping were consumed and committed, or refused by a nack.
// Without the subprotocol there are no nacks: a refusal, or a Commit that fails, closes
// the connection, and no Ping after the messages at fault is answered.
// While Consume runs, the connection is not read: that is the back-pressure.
//
// # Formats
//
// Every format becomes JSON records without line breaks: see package decode, and
// docs/formats.md. The format auto detects the others; anything else is raw text.
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
// Package access has bearer tokens, TLS, a check of origins and a listener that counts
// connections, for this or any other http.Handler.
//
// With a shared key in Options.Forward every connection begins with the handshake of Fluent
// Forward, in which client and server prove to each other that they know the key. It
// comes before any message, so clients that do not speak Forward are not admitted. A
// client has ten seconds for it, and 8 KiB.
//
// # Goroutines
//
// A connection has two goroutines. The reader is the one on which net/http runs
// ServeHTTP: it performs the handshake of Fluent Forward if there is one, reads, decodes
// and calls Consume. replyLoop writes acks, nacks and Pongs, and ends with the reader. An
// Intake has one more while something waits for Commit: commitLoop. Shutdown waits for
// all of them.
//
// # Clients that are silent
//
// A client that sends nothing for 30 s gets a Ping, and is closed with 1001 if it is
// silent for as long again. When there is no place for a new client, the one that has
// sent no message for longest, and for 10 s at least, is closed with 1013; those that
// never sent one go first.
//
// # Listeners of other kinds
//
// Records can come by other ways than WebSocket: over TCP, or in the body of an HTTP
// request. An Intake is what all listeners have in common: the Sink, one Commit for
// what all of them took, the memory, the number of clients and the observers. A listener
// calls Intake.Join for each connection, and with the Client that this returns Decode,
// then Take (which calls back when the message is durable) or Store (which waits). New
// makes an Intake for a Handler alone, NewHandler shares one.
//
// # Ownership of memory
//
// A Message and everything it points to belong to the connection and are used
// again for the next message: a Consume that keeps records beyond its return
// copies them. Consume is called from many connections at the same time.
//
// # Limits
//
// IntakeOptions.MaxMemory bounds the memory for all messages together while they
// arrive, are decoded, and wait for Commit. It is reserved in steps, as bytes come: a
// length that a message claims takes none. Package budget says how it is shared out,
// and why no client can hold up the others: when messages that arrive do not fit, the
// connection whose message has held most bytes for longest is closed with 1013. Records
// count with what they take. A message whose records take more than a quarter of
// MaxMemory, or 24 times MaxMessageBytes, is refused for good.
//
// All limits are on what comes out of permessage-deflate and of gzip in Forward requests.
// A message has a minute from its first byte to its last; then its connection is closed
// with 1008.
//
// A client that does not read is owed a thousand confirmations at most; then it is not
// read any more, and cut after Options.WriteTimeout. Of more than a few Pings only the
// newest are answered, as RFC 6455 5.5.3 allows.
//
// A message that is of the wrong frame type, or not what the format says, gets a
// nack that it must not be sent again, for single lines of json_lines and ltsv if
// there are others; without the subprotocol it ends its connection with 1003 or
// 1007 and a reason. Text that is not UTF-8 is 1007 and a message that is too long
// 1009 in either case, after what came before was confirmed.
package receiver
