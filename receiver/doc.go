// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package receiver takes log records over WebSocket: an http.Handler that
// upgrades, reads messages, decodes them to records and hands these on, message
// by message.
//
//	store, err := receiver.OpenStore("records.ndjson")
//	...
//	ingest, err := receiver.New(receiver.Options{Consume: store.Consume})
//	...
//	http.Handle("/ingest", ingest)
//
// # What a Pong means
//
// A connection is one goroutine, the one that net/http runs ServeHTTP on. It
// reads a message, decodes it, calls Consume, and only when Consume has returned
// reads on. A Ping is answered by the same goroutine when it comes to it (RFC
// 6455 5.5.2-5.5.3: a Pong with the same payload). Frames arrive in order, so a
// Pong tells the client that Consume returned nil for every message whose last
// frame came before the Ping. When Consume fails, the connection is closed with
// 1011, and no Ping after that message is ever answered.
//
// A Consume that takes long therefore delays Pongs, and stops the reading: the
// client feels back-pressure through TCP, and nothing piles up here.
//
// # Who owns what
//
// A Batch and everything it points to belong to the connection and are used
// again for the next message: a Consume that keeps records beyond its return
// copies them. Consume is called from many connections at the same time.
//
// # What a client can cost
//
// A connection holds a read buffer of 64 KiB. The buffer for a message is taken
// from a pool when the message begins and given back when Consume has returned;
// it grows with the bytes that really came, up to Options.MaxMessageBytes. While
// such a message is decoded and consumed it can need a multiple of that: raw text
// is up to six times as long once it is JSON, and a message of nothing but
// one-byte records has twelve bytes of slice header for each of its own.
// Options.MaxConnections bounds the rest.
//
// A message that is too long, of the wrong frame type or not what the format
// says ends its connection with 1009, 1003 or 1007 and a reason; it is not
// consumed, and other connections notice nothing.
package receiver
