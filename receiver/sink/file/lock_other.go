// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

//go:build !windows && (!unix || aix || solaris)

package file

import "os"

// tryLock does nothing: there is no flock here.
func tryLock(*os.File) error { return nil }

// links returns how many names the file has, as far as can be known.
func links(os.FileInfo) uint64 { return 1 }
