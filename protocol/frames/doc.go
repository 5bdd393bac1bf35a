// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package frames follows the frames of a WebSocket connection and finds what RFC 6455
// forbids. Both sides, the receiver and the output, show it all that they read. It does no
// I/O, and keeps no bytes but a header and the payload of a Close frame.
package frames
