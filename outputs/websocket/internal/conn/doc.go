// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package conn is one WebSocket connection of a client (RFC 6455). Nothing else in
// the output imports the WebSocket library.
//
// The library dials, shakes hands and reads. Writing is done here: frames are
// appended to one buffer and leave in few large writes, because the library
// makes a system call per message and cuts a message at its buffer's size.
//
// # Concurrency
//
// Append* and Flush belong to one goroutine at a time. Read is called once, from one
// goroutine. It answers the peer's Pings, unless a write is under way: then the writer
// does. Close and Cut may be called from any goroutine at any time. Both make a blocked
// Flush return, Close after at most closeFrameTimeout. Cut makes Read return; after Close
// that is up to the peer.
package conn
