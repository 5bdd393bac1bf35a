// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package file

import (
	"bytes"
	"errors"
	"io"
	"os"
)

// endsTorn reports whether the file ends inside of a line.
func endsTorn(file regularFile) (bool, error) {
	info, err := file.Stat()
	if err != nil {
		return false, err
	}
	return isTorn(file, info.Size())
}

func isTorn(file io.ReaderAt, length int64) (bool, error) {
	if length == 0 {
		return false, nil
	}
	last := make([]byte, 1)
	_, err := file.ReadAt(last, length-1)
	return last[0] != '\n', err
}

// endOfLines returns where the last whole line of a file of that length ends. What comes
// after it was never confirmed: a message is one write, and a process that is killed
// during the write confirms nothing of it. A machine that loses its power can leave
// zeros there.
func endOfLines(file io.ReaderAt, length int64) (end int64, err error) {
	torn, err := isTorn(file, length)
	if err != nil || !torn {
		return length, err
	}
	end = length
	for chunk := make([]byte, 64<<10); end > 0; {
		begin := max(0, end-int64(len(chunk)))
		part := chunk[:end-begin]
		if _, err := file.ReadAt(part, begin); err != nil {
			return length, err
		}
		if at := bytes.LastIndexByte(part, '\n'); at >= 0 {
			return begin + int64(at) + 1, nil
		}
		end = begin
	}
	return 0, nil
}

// cutTorn cuts the file back to its last line break. It does not write to a
// file that ends with one.
func cutTorn(name string) (err error) {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	end, err := endOfLines(file, info.Size())
	if err != nil || end == info.Size() {
		return err
	}
	return os.Truncate(name, end)
}

// cutBack takes the last bytes off the file and returns its length. It asks for
// the size, since a log rotation may have emptied the file in between.
func cutBack(file regularFile, bytes int64) (left int64, err error) {
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	left = max(0, info.Size()-bytes)
	return left, file.Truncate(left)
}
