// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package beats knows the module that Filebeat is built from: where its files are, and
// how go.mod pins a version of it. It is called by the magefile and by the packages that
// take files from Beats. It runs the go command, and changes no file but go.mod and go.sum.
package beats
