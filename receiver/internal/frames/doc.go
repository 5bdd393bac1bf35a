// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package frames follows the frames of a WebSocket connection and finds what RFC 6455
// forbids. A connection of the receiver shows it all that it reads. It does no I/O, and
// keeps no bytes but a header and the payload of a Close frame.
package frames
