// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Command wscheck plays Filebeat's output.websocket to a receiver, and says rule by rule of
// docs/protocol.md and docs/delivery.md what holds:
//
//	wscheck ws://127.0.0.1:8080/ingest --ack message
//
// Each line has the rule and its level, MUST or SHOULD; what was sent, what came, and where
// to read on. A rule that could not be tried says why. The receiver stores the records of
// the check: their texts begin with "a line of wscheck-".
//
// The exit code is 0 if no MUST fails and at least one was tried, 1 otherwise, and 2 for a
// wrong flag. docs/receivers.md explains how to write a receiver with it.
package main
