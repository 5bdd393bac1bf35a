// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package reference

import (
	"os"

	"filebeat-websocket/build/beats"
)

// File is where the reference is.
const File = "filebeat.reference.yml"

// Make returns what File has to hold for the version of Beats in go.mod.
func Make() ([]byte, error) {
	folder, err := beats.Folder()
	if err != nil {
		return nil, err
	}
	return from(os.DirFS(folder))
}

// Write writes File.
func Write() error {
	content, err := Make()
	if err != nil {
		return err
	}
	return os.WriteFile(File, content, 0o644)
}
