// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package check

import (
	"bytes"
	"fmt"
	"os"

	"filebeat-websocket/build/dashboards"
	"filebeat-websocket/build/notice"
	"filebeat-websocket/build/reference"
)

// Notice compares NOTICE.txt with the modules in go.mod and their licences.
func Notice() error { return upToDate(notice.File, notice.Make, "notice") }

// Reference compares filebeat.reference.yml with what its templates make.
func Reference() error { return upToDate(reference.File, reference.Make, "reference") }

// Dashboards compares the dashboards with their description.
func Dashboards() error {
	for _, d := range dashboards.All {
		if err := upToDate(d.Path(), d.Make, "dashboards"); err != nil {
			return err
		}
	}
	return nil
}

// upToDate returns an error if file does not hold what generate returns. target is the one
// that writes the file.
func upToDate(file string, generate func() ([]byte, error), target string) error {
	want, err := generate()
	if err != nil {
		return err
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if !bytes.Equal(content, want) {
		return fmt.Errorf("%s is not up to date; write it with: go tool mage %s", file, target)
	}
	return nil
}
