// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package kafka is a receiver.Sink that produces records to a topic of Kafka. Consume hands
// them to an idempotent producer and does not wait; Commit waits until all in-sync replicas
// have each of them.
//
// A record with an id, or of a Forward request with a chunk, has the key by which package
// dedup knows it as its key, and in the header wsreceiver-id, so that consumers and
// compaction can tell what came twice: another receiver, or this one after a restart or a
// timeout, produces it again. Other records have neither.
//
// All records of one agent go to one partition, as do those of one connection that do not
// name an agent, and stay in their order there.
package kafka
