// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package tool installs the Go programs that building and testing need, such as the
// linter. They are not in go.mod: as dependencies of this module they would raise the
// versions that Beats pins. It is called by the magefile's packages and by tests.
package tool
