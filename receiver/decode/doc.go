// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package decode turns the bytes of a message into records of JSON. It knows
// nothing of the way by which the message came.
//
// Every format is a file of its own, which registers it. JSON passes through as it
// is; docs/formats.md says what the other formats become. A record never spans
// lines. Nothing of a message is lost but what JSON cannot express: bytes that are
// not UTF-8 become U+FFFD, and NaN and the infinities become null.
package decode
