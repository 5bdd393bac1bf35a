// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package verify

import (
	"fmt"
	"os"
	"syscall"
)

// inodeOf returns log.file.device_id and log.file.inode of a file, with a dash between.
func inodeOf(info os.FileInfo) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%d-%d", stat.Dev, stat.Ino)
}
