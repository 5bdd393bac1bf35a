// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package deadletter

import (
	"os"
	"syscall"
)

// openRegular opens a file for appending, and fails if it is a symbolic link. It
// does not wait for a reader of a pipe.
func openRegular(path string, permissions os.FileMode) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, permissions)
}
