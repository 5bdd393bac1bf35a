// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package dedup leaves out what a client sends again because it lost a
// confirmation. A Dedup is a receiver.Sink before another one.
package dedup
