// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package readers has programs in Python and Node decode what the codecs and the
// framings write, with libraries that are not ours, and compares what they find
// with what was meant. It installs what it needs, and fails if it can't.
package readers
