// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package websocket is the Filebeat output of that name. It sends events over
// WebSocket (RFC 6455) and tells the pipeline that they are delivered once the
// receiver has confirmed them.
//
// Importing it registers the output type "websocket" with libbeat; there is no
// other API. DESIGN.md beside this file says what the output guarantees, which
// goroutines there are, and what happens to a batch on its way.
package websocket
