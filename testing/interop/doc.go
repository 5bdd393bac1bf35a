// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package interop tests with programs of other projects. The receivers in
// docs/protocol.md are run exactly as they are there, first with a client of these
// tests and then with the real filebeat. The real filebeat also ships lines through
// each server and proxy of docs/interop.md, and through a bridge to a Forward server; each
// of these is killed once.
//
// The tests need node, npm, and Debian with root. They install what is missing once,
// before the first test; if that fails, every test fails.
//
// In testdata, servers has the servers that are not written in Go, clients those clients of
// Fluent Forward, each with a library of another project, and proxies the
// configurations that docs/interop.md shows, in which the tests replace addresses and
// paths. The folders coderserver and fluentclient have the server and the client in Go.
package interop
