// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"fmt"
	"io/fs"
	"os"
	"runtime"
)

const (
	writableByOthers = 0o022 // the group or everyone
	readableByAll    = 0o004
)

// CheckPermissions returns an error if others could change the file or, if it is a
// secret, everyone could read it. It is for a warning: the file can be used.
func CheckPermissions(name string, secret bool) error {
	info, err := os.Stat(name)
	if err != nil || runtime.GOOS == "windows" { // where the mode says nothing
		return err
	}
	return checkMode(name, info.Mode().Perm(), secret)
}

func checkMode(name string, mode fs.FileMode, secret bool) error {
	switch {
	case mode&writableByOthers != 0:
		return fmt.Errorf("%s: others may write to it (mode %04o)", name, mode)
	case secret && mode&readableByAll != 0:
		return fmt.Errorf("%s: everyone may read it (mode %04o)", name, mode)
	}
	return nil
}
