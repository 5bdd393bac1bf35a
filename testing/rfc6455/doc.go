// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package rfc6455 holds either side of a WebSocket connection to RFC 6455 and RFC 7692,
// case by case. Cases are frames, Handshakes are upgrades. Server and Client play the other
// side byte by byte and say what they saw.
//
// Its callers are the tests of our two sides, which print docs/rfc6455.md, and those that
// show the same cases to libraries of other projects: what these see differently is either
// known, or an expectation here is wrong.
package rfc6455
