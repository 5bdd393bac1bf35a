// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package file

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// lockHolder names the process that has the lock on the file. The kernel lists
// locks as
//
//	1: FLOCK  ADVISORY  WRITE 4711 00:2a:1837201 0 EOF
//
// Only the inode is compared: for some file systems this device differs from that of
// stat.
func lockHolder(file *os.File) string {
	info, err := file.Stat()
	if err != nil {
		return someone
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return someone
	}
	locks, err := os.ReadFile("/proc/locks")
	if err != nil {
		return someone
	}
	inode := []byte(":" + strconv.FormatUint(stat.Ino, 10))
	for line := range bytes.Lines(locks) {
		fields := bytes.Fields(line)
		if len(fields) < 6 || string(fields[1]) != "FLOCK" || !bytes.HasSuffix(fields[5], inode) {
			continue
		}
		// It is 0 or -1 for a process of another namespace, such as another container.
		if pid, err := strconv.Atoi(string(fields[4])); err == nil && pid > 0 {
			return "process " + strconv.Itoa(pid)
		}
	}
	return someone
}
