// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package interop holds the tests with programs of others. The receivers that
// docs/protocol.md shows are run as they stand there, first with a client of the
// tests' own, then with the real filebeat. Through each server and proxy of
// docs/interop.md the real filebeat ships lines, and each is killed once.
//
// The tests need node, npm, and Debian with root. What they lack is installed
// once, before the first of them; an installation that fails is a failed test.
//
// In testdata, servers has the servers that are no Go, and proxies the
// configurations that docs/interop.md shows, with addresses and paths that the
// tests replace. The folder coderserver has the server in Go.
package interop
