// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package decode turns the bytes of a message into records of JSON. It does not depend on
// how the message came.
//
// Every format is one file, which registers it. JSON passes unchanged; docs/formats.md
// says what the other formats become. A record never spans lines. The records have all
// of a message except what JSON cannot express: bytes that are not UTF-8 become U+FFFD,
// and NaN and the infinities become null.
package decode
