// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package main

import (
	"errors"
	"os"
)

// originOf: other systems do not tell whether the machine was restarted.
func originOf(*os.File) (string, error) { return "", errors.ErrUnsupported }

func syncAll(*os.File) error { return errors.ErrUnsupported }
