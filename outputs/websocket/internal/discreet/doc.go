// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package discreet hides the output's secrets in what a server says: in the reason of a
// Close frame or a nack, and in errors that quote it. It wraps what a session is given.
package discreet
