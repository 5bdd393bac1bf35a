// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package retry holds the clients that stand between libbeat's workers and a connection:
// Waiting waits between attempts to connect, Failover chooses one of several hosts, and
// Quiet keeps repeated failures out of the log. Each wraps an outputs.NetworkClient and is
// one itself.
//
// It knows neither the settings nor the connection. How long to wait after which cause is
// Patience, how often something may be logged is Limiter; both can be used alone.
//
// One goroutine calls Connect and Publish of a client, another one calls Close.
package retry
