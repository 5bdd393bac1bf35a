// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package release makes what is published of a build, for the targets in the
// magefiles: archives and bills of materials. The same input gives the same bytes: nothing here reads a clock, the
// environment or a network.
package release
