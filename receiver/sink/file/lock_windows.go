// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package file

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockedAt is the upper half of the offset of the byte that is locked. On Windows a lock
// stops others from reading and writing that byte, so it is far beyond the data.
const lockedAt = 1 << 30

// tryLock locks the file until it is closed, or returns errLocked.
func tryLock(file *os.File) error {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(file.Fd()), flags, 0, 1, 0, &windows.Overlapped{OffsetHigh: lockedAt})
	switch {
	case errors.Is(err, windows.ERROR_LOCK_VIOLATION), errors.Is(err, windows.ERROR_IO_PENDING):
		return errLocked
	case err != nil:
		return &os.PathError{Op: "lock", Path: file.Name(), Err: err}
	}
	return nil
}

// links returns how many names the file has: a file that is open can't lose its
// last one here.
func links(os.FileInfo) uint64 { return 1 }
