// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"crypto/sha512"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// writeSums writes SHA512SUMS of the files in a folder, for sha512sum -c.
func writeSums(folder string) error {
	files, err := os.ReadDir(folder) // sorted
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(folder, "SHA512SUMS"), func(w io.Writer) error {
		for _, entry := range files {
			file, err := os.Open(filepath.Join(folder, entry.Name()))
			if err != nil {
				return err
			}
			sum := sha512.New()
			_, err = io.Copy(sum, file)
			if err := errors.Join(err, file.Close()); err != nil {
				return err
			}
			if _, err := fmt.Fprintf(w, "%x  %s\n", sum.Sum(nil), entry.Name()); err != nil {
				return err
			}
		}
		return nil
	})
}
