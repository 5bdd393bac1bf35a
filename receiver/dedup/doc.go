// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package dedup removes duplicates, which a client sends because it lost a
// confirmation. A Dedup is a receiver.Sink that wraps another one.
package dedup
