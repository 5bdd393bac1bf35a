// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package eventid gives a log line the same id each time Filebeat reads it. An id is a
// hash of the agent, the file's identity, the line's place in the file, the line, and
// the generation of the file: how often the place fell back, because the file was
// truncated or Filebeat began it again.
//
// Two lines that Filebeat tells apart have different ids. If that is not
// certain, a line gets no id, or another one than before: a receiver may then store it
// twice, but never drops it as a duplicate of another line.
//
// An output asks for the id of each event once, in the order in which the input
// read them. The package sends nothing and starts no goroutine.
package eventid
