// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package readers lets programs in Python and Node decode what the codecs and framings
// write, with libraries of other projects, and compares the result with what was
// meant. It installs what it needs, and fails if it cannot.
package readers
