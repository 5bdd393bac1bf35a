// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

//go:build mage

package main

import (
	"bytes"
	"errors"
	"os"

	"filebeat-websocket/build/beats"
	"filebeat-websocket/build/reference"
)

const referenceFile = "filebeat.reference.yml"

func writeReference() error {
	file, err := makeReference()
	if err != nil {
		return err
	}
	return os.WriteFile(referenceFile, file, 0o644)
}

func checkReference() error {
	file, err := makeReference()
	if err != nil {
		return err
	}
	there, err := os.ReadFile(referenceFile)
	if err != nil {
		return err
	}
	if !bytes.Equal(there, file) {
		return errors.New(referenceFile + " is not what its templates make; write it with: go tool mage reference")
	}
	return nil
}

func makeReference() ([]byte, error) {
	module, err := beats.Folder()
	if err != nil {
		return nil, err
	}
	return reference.Make(os.DirFS(module))
}
