// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package file

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// DefaultRotateBytes is FolderOptions.RotateBytes unless set: 100 MiB.
const DefaultRotateBytes = 100 << 20

// segmentLayout is the name of a file in the folder: the time in UTC at which it was
// begun. Names sort by it, and stay unique when files are moved elsewhere.
const segmentLayout = "records-2006-01-02T150405.000Z.ndjson"

// FolderOptions are for OpenFolder.
type FolderOptions struct {
	// RotateBytes is the maximum length of a file; 100 MiB unless set. Only a single
	// message with more bytes than that makes a longer file.
	RotateBytes int64
	// Unsynced lets the kernel decide when files get to the disk. Commit then only
	// checks that the files are still there.
	Unsynced bool
}

// rotation says when and where a new file begins.
type rotation struct {
	name        string
	rotateBytes int64
	now         func() time.Time
	newest      time.Time // in the name of the newest file
}

// OpenFolder returns a Sink that writes to files in the folder name, which
// it creates (mode 0700) if need be. A file (mode 0600) is named by the moment at
// which it was begun, such as records-2021-02-05T221709.123Z.ndjson; another one is
// begun on another day of UTC, and before FolderOptions.RotateBytes is passed.
// Nothing is ever deleted, and files can be moved away once there is a newer one.
//
// The Sink appends to the newest file if that is of this day and has room. Half a line
// that an earlier process left at the end of a file is cut off: it was never
// confirmed. No one else should write to the folder's files; other Sinks are kept
// out by a lock on the file .lock in it.
func OpenFolder(name string, o FolderOptions) (*Sink, error) {
	if o.RotateBytes < 0 {
		return nil, errors.New("open output: option RotateBytes can't be negative")
	}
	o.RotateBytes = cmp.Or(o.RotateBytes, DefaultRotateBytes)
	return openFolder(&rotation{name: name, rotateBytes: o.RotateBytes, now: time.Now}, o.Unsynced)
}

func openFolder(f *rotation, isUnsynced bool) (*Sink, error) {
	sync := syncFolder
	if isUnsynced {
		sync = func(string) error { return nil }
	}
	if err := makeFolder(f.name, sync); err != nil {
		return nil, fmt.Errorf("open output: %w", err)
	}
	s := &Sink{folder: f, open: openRegular, unsynced: isUnsynced}
	if err := s.openFolder(); err != nil {
		return nil, errors.Join(fmt.Errorf("open output: %w", err), s.Close())
	}
	return s, nil
}

// makeFolder makes a folder, and those above it, and syncs each that one was made in: after
// a crash of the machine the folder could be gone otherwise, with confirmed records. The
// process that made it may have been killed before it synced, so one that is there is
// synced, too, where that is allowed.
func makeFolder(name string, sync func(folder string) error) error {
	above := filepath.Dir(filepath.Clean(name))
	_, err := os.Stat(name)
	isNew := errors.Is(err, fs.ErrNotExist)
	changed := []string{above}
	for isNew && above != filepath.Dir(above) {
		if _, err := os.Stat(above); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		above = filepath.Dir(above)
		changed = append(changed, above)
	}
	if err := os.MkdirAll(name, 0o700); err != nil {
		return err
	}
	for _, folder := range changed {
		if err := sync(folder); err != nil && (isNew || !errors.Is(err, fs.ErrPermission)) {
			return err
		}
	}
	return nil
}

func (s *Sink) openFolder() error {
	if err := s.lockLocked(s.folder.lockName()); err != nil {
		return err
	}
	return s.openNewest()
}

// openNewest repairs what a crash left and appends to the newest file if that is
// possible. Older files can be torn too, because they may not have been synced
// either.
func (s *Sink) openNewest() error {
	entries, err := os.ReadDir(s.folder.name)
	if err != nil {
		return err
	}
	newest := ""
	for _, entry := range entries { // sorted by name
		begun, err := time.Parse(segmentLayout, entry.Name())
		if err != nil || !entry.Type().IsRegular() {
			continue
		}
		newest, s.folder.newest = filepath.Join(s.folder.name, entry.Name()), begun
		if err := cutTorn(newest); err != nil {
			return err
		}
	}
	if newest == "" {
		return nil
	}
	info, err := os.Stat(newest)
	if err != nil {
		return err
	}
	if s.folder.isFull(info.Size(), 1) {
		return nil
	}
	file, err := openFile(newest)
	if err != nil {
		return err
	}
	// Only the process that began it knew whether its folder was synced.
	s.current = &segmentFile{name: newest, file: file, bytes: info.Size(), unlisted: true}
	return nil
}

// isFull reports whether a file of that length has no room for that many more bytes, or
// is of an earlier day. A clock that is set back does not begin a file for an earlier
// day: names have to sort.
func (f *rotation) isFull(length, more int64) bool {
	const day = 24 * time.Hour
	if f.now().UTC().Truncate(day).After(f.newest.Truncate(day)) {
		return true
	}
	return length > 0 && length+more > f.rotateBytes
}

// rotateLocked begins a new file unless the current one has room for the records. The
// file before it stays open until it is synced.
func (s *Sink) rotateLocked(records [][]byte) error {
	if s.current != nil {
		more := int64(len(records))
		for _, record := range records {
			more += int64(len(record))
		}
		if !s.folder.isFull(s.current.bytes, more) {
			return nil
		}
	}
	// The folder may be another one than at the start.
	if err := s.lockLocked(s.folder.lockName()); err != nil {
		return fmt.Errorf("begin a file: %w", err)
	}
	name, begun := s.folder.next()
	file, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("begin a file: %w", err)
	}
	if s.current != nil {
		s.leaveLocked()
	}
	s.folder.newest = begun
	s.current = &segmentFile{name: name, file: file, unlisted: true}
	s.torn = false
	return nil
}

// lockName is the file that is locked for the folder.
func (f *rotation) lockName() string { return filepath.Join(f.name, lockFileName) }

// next returns the name of a file that is begun now. Names rise even if the clock is set
// back.
func (f *rotation) next() (name string, begun time.Time) {
	begun = f.now().UTC().Truncate(time.Millisecond)
	if !begun.After(f.newest) {
		begun = f.newest.Add(time.Millisecond)
	}
	return filepath.Join(f.name, begun.Format(segmentLayout)), begun
}
