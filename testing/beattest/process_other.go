// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package beattest

import "syscall"

// endWithParent does nothing where the kernel offers nothing: a program outlives
// this process if that is killed.
func endWithParent(*syscall.SysProcAttr) {}
