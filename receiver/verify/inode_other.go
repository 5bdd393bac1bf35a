// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package verify

import "os"

// inodeOf is for systems with inodes.
func inodeOf(os.FileInfo) string { return "" }
