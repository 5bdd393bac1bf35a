// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package lag

import (
	"bytes"
	"os"
	"strconv"
	"strings"
)

const (
	descriptors = "/proc/self/fd/"
	aboutThem   = "/proc/self/fdinfo/"
)

// openFiles returns which files of the wanted this process has open.
func openFiles(wanted map[identity]bool) map[identity]openFile {
	found := map[identity]openFile{}
	entries, err := os.ReadDir(descriptors)
	if err != nil {
		return found
	}
	for _, entry := range entries {
		info, err := os.Stat(descriptors + entry.Name())
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		device, inode, _ := inodeOf(info)
		id := identity{device: device, inode: inode}
		if wanted[id] {
			found[id] = openFile{size: info.Size(), read: readTo(entry.Name())}
		}
	}
	return found
}

// readTo returns the place up to which a descriptor was read, -1 if it is not known.
func readTo(descriptor string) int64 {
	text, err := os.ReadFile(aboutThem + descriptor)
	if err != nil {
		return -1
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	_, number, _ := strings.Cut(string(line), ":")
	place, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil {
		return -1
	}
	return place
}
