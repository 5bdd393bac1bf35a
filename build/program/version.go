// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package program

// Version is the next release, or the one that this commit is. Commits before its tag are
// named after it too, with a suffix that sorts before the release: 0.1.0-TIME.COMMIT.
//
// It is the only place to change: a test compares the chart, the Dockerfile and the documents
// with it.
const Version = "0.1.0"
