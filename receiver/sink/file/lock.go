// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package file

import (
	"errors"
	"fmt"
	"os"
)

// lockFileName is the file in a folder that is locked; a single file is locked
// itself. It stays when the Sink is closed: removing it could remove the file that
// another process has just locked.
const lockFileName = ".lock"

// lock keeps other Sinks away from the output: of two that write to a file, each would
// cut off what the other has confirmed when a write or sync fails. It has its own file
// descriptor, so that files can be opened again while it is held.
type lock struct{ file *os.File }

// someone is lockHolder's answer if it finds no process.
const someone = "another process"

// errLocked is tryLock's error if another process or Sink holds the lock.
var errLocked = errors.New("it is locked")

// acquire locks the file name, and creates it if need be. If the file system has no
// locks, it goes on without one.
func acquire(name string) (*lock, error) {
	file, err := openFile(name)
	if err != nil {
		return nil, err
	}
	err = tryLock(file)
	if errors.Is(err, errLocked) {
		err = fmt.Errorf("%s is in use by %s", name, lockHolder(file))
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &lock{file}, nil
}

// isOf reports whether the lock is on that file.
func (l *lock) isOf(info os.FileInfo) (bool, error) {
	own, err := l.file.Stat()
	return err == nil && os.SameFile(own, info), err
}

func (l *lock) release() error { return l.file.Close() }

// lockLocked makes the Sink the only user of the file name, or returns an error that
// names the other. It costs little if nothing has changed.
func (s *Sink) lockLocked(name string) error {
	if s.lock != nil {
		info, err := os.Stat(name)
		if err == nil {
			var same bool
			if same, err = s.lock.isOf(info); same {
				return nil
			}
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	another, err := acquire(name)
	if err != nil {
		return err
	}
	if s.lock != nil {
		_ = s.lock.release() // on a file that was moved away
	}
	s.lock = another
	return nil
}
