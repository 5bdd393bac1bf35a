// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package docs holds the tests of what README.md, docs/ and the files for users
// at the root say: every block of YAML is taken by the real filebeat, every
// command is run by a test, here or in the one that a table names, every log line
// of docs/troubleshooting.md is one of the code's, and every alert is explained.
package docs
