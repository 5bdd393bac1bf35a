// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package jetstream is a receiver.Sink that publishes records to a stream of NATS
// JetStream. Consume hands them to the server and does not wait; Commit waits until the
// stream has acknowledged all of them.
//
// A record with an id, or of a Forward request with a chunk, carries the key by which
// package dedup knows it as its Nats-Msg-Id: the stream leaves out what comes again within
// its duplicate window, whichever receiver it comes through. Other records have no
// Nats-Msg-Id.
//
// The records of one connection are published in their order. After a refusal those that
// are sent again come behind the ones that were stored.
package jetstream
