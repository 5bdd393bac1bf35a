// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package docs tests README.md, docs/ and the files for users at the root: the real
// filebeat accepts every block of YAML, a test runs every command (here, or one that a
// table names), the code contains every log line of docs/troubleshooting.md, and every
// alert is explained.
package docs
