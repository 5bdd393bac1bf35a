// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

//go:build mage

package main

import (
	"bytes"
	"errors"
	"os"

	"filebeat-websocket/build/reference"
)

func checkReference() error {
	file, err := reference.Make()
	if err != nil {
		return err
	}
	there, err := os.ReadFile(reference.File)
	if err != nil {
		return err
	}
	if !bytes.Equal(there, file) {
		return errors.New(reference.File + " is not what its templates make; write it with: go tool mage reference")
	}
	return nil
}
