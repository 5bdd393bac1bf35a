// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package eventid gives log lines ids that are the same each time Filebeat reads
// the line. An id is a hash of the agent, the file's identity, the line's place in
// the file, the line, and the generation of the file: how often the place fell
// back, because the file was truncated or Filebeat began it again.
//
// Two lines that Filebeat tells apart have different ids. Where that is not
// certain, a line gets no id, or another one than before: then a receiver stores it
// twice, but never takes it for another.
//
// An output asks for the id of each event once, in the order in which the input
// read them. Nothing here sends, and there are no goroutines.
package eventid
