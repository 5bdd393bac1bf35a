// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Coderserver is a receiver on top of github.com/coder/websocket, for the
// interop tests:
//
//	coderserver FILE PORT
//
// It appends what comes to FILE, a line a message, and reads on when that is
// done. The library answers Pings inside of the reads, so a Pong comes after
// all that was sent before its Ping is stored.
package main
