// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package deadletter writes dropped events to files, one JSON object per line.
//
// Put never waits. The files are regular files that the package opens without
// following a symbolic link: whoever may write to the folder cannot direct events
// elsewhere, or stop the Beat with a pipe.
package deadletter
