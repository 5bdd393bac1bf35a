// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

//go:build mage

package main

import (
	"bytes"
	"errors"
	"os"

	"filebeat-websocket/build/notice"
)

func checkNotice() error {
	want, err := notice.Make()
	if err != nil {
		return err
	}
	there, err := os.ReadFile(notice.File)
	if err != nil {
		return err
	}
	if !bytes.Equal(there, want) {
		return errors.New("NOTICE.txt does not have the modules of go.mod; write it with: go tool mage notice")
	}
	return nil
}
