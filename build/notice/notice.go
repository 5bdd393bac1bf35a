// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package notice

import "os"

// File is where the notice is.
const File = "NOTICE.txt"

// Make returns what File has to hold.
func Make() ([]byte, error) {
	modules, err := Modules()
	if err != nil {
		return nil, err
	}
	preface, err := os.ReadFile("build/notice/preface.txt")
	if err != nil {
		return nil, err
	}
	return render(preface, modules)
}

// Write writes File.
func Write() error {
	notice, err := Make()
	if err != nil {
		return err
	}
	return os.WriteFile(File, notice, 0o644)
}
