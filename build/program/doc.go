// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package program builds the programs of cmd/: for which platforms, with which flags, and
// with which version in them. The same commit gives the same bytes, on any machine and at
// any time. It is called by the magefile, and by the packages that pack the programs or
// list what is in them. Its functions work on the checkout that is the working directory.
package program
