// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package lag

import (
	"os"
	"strconv"
)

// identity tells files apart: by device and inode, or by path where an event does not
// name them.
type identity struct {
	device, inode uint64
	path          string
}

func identityOf(f fields) identity {
	device, noDevice := strconv.ParseUint(f.device, 10, 64)
	inode, noInode := strconv.ParseUint(f.inode, 10, 64)
	if noDevice != nil || noInode != nil {
		return identity{path: f.path}
	}
	return identity{device: device, inode: inode}
}

// is reports whether info is of the file.
func (id identity) is(info os.FileInfo) bool {
	if id.path != "" {
		return true
	}
	device, inode, ok := inodeOf(info)
	return !ok || device == id.device && inode == id.inode
}

// file is a file from which events were read. Tracker.mutex guards it.
type file struct {
	id   identity
	path string  // under which it was last opened
	last *stream // the newest one, nil if no event was read yet

	size   int64 // when it was last looked at
	caught int64 // all before was read, and what became events was settled
	still  int   // looks in a row that found nothing to settle, and the same size and place
	before int64 // the place that the last look found
	rests  bool  // the last look found it settled to its end

	// Of the look that is being taken.
	reached int64 // how far the file was read when the look began, at least
	lowest  int64 // place of the stream that is farthest behind, -1 if none has something to settle
	waiting bool
}

// place returns the place up to which everything is settled.
func (f *file) place() int64 {
	place := f.lowest
	if place < 0 && f.last != nil {
		place = f.last.settledTo()
	}
	return max(place, f.caught)
}

// settledTo returns the place in the file's present content up to which events are
// settled.
func (s *stream) settledTo() int64 {
	if s.void > 0 && s.next <= s.void {
		return 0
	}
	return s.place
}
