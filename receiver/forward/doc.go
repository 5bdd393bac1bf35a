// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package forward receives the records of Fluentd, Fluent Bit and others that speak the
// Fluent Forward protocol (v1) over TCP. A Server is a listener of a receiver.Intake.
//
// It takes all modes, entries compressed with gzip or zstd, and heartbeats: nil in the
// stream, empty connections, and UDP. A request that carries the id of its chunk is
// confirmed once the Sink has committed it, so the order of confirmations may differ from
// that of the requests. Many requests may be under way on a connection.
//
// The protocol cannot express a refusal. If the Sink asks for a retry, the connection is
// closed, and the client sends all unconfirmed requests again. A request that cannot be
// read, or that the Sink refuses for good, is never confirmed, and the connection stays
// open: the requests behind it may be good.
//
// At most Options.MaxRequestBytes of a request are held, and they count in the Intake's
// memory. A longer one ends the connection as soon as its length is known.
package forward
