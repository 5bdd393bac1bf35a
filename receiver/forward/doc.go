// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package forward receives the records of Fluentd, Fluent Bit and others that speak the
// Fluent Forward protocol (v1) over TCP. A Server is a listener of a receiver.Intake.
//
// It takes all modes, entries compressed with gzip or zstd, and heartbeats: nil in the
// stream, empty connections, and UDP. A request that carries the id of its chunk is
// confirmed once the Sink has committed it, so confirmations may come in another order
// than the requests. Many requests may be under way on a connection.
//
// The protocol has no word for a refusal. When the Sink asks for records again, the
// connection is closed, and the client sends what was not confirmed again. A request
// that can't be read, or that the Sink refuses for good, is never confirmed, and the
// connection stays: the requests behind it are not at fault.
//
// No more of a request is held than Options.MaxRequestBytes, and that counts in the
// Intake's memory. A longer one ends the connection as soon as its length is known.
package forward
