// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package access decides who may reach an http.Handler: bearer tokens from a file,
// and a TLS configuration that can require client certificates. Both read their
// files again when these change, so that tokens and certificates can be rotated
// without a restart.
package access
