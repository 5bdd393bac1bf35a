// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package deadletter

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// rotation appends to the newest of the files NAME-DATE.ndjson, NAME-DATE-1.ndjson
// and so on, and removes the oldest when there are too many.
type rotation struct {
	settings Settings
	file     *os.File // nil: not open
	size     int64
}

const (
	extension  = ".ndjson"
	dateFormat = "20060102"
)

// numbered is a file of the rotation.
type numbered struct {
	name   string
	date   string
	number int
}

func (r *rotation) write(line []byte, now time.Time) error {
	limit := int64(r.settings.RotateEveryKB) << 10
	if int64(len(line)) > limit {
		return fmt.Errorf("the line has %d bytes, more than a file may have (%d)", len(line), limit)
	}
	if r.file == nil {
		if err := r.resume(now); err != nil {
			return err
		}
	}
	if r.size+int64(len(line)) > limit {
		if err := r.next(now); err != nil {
			return err
		}
	}
	n, err := r.file.Write(line)
	r.size += int64(n)
	if err != nil && n > 0 {
		// The rest of the line would stand before the next one.
		if r.file.Truncate(r.size-int64(n)) == nil {
			r.size -= int64(n)
		}
	}
	return err
}

// resume opens the newest file, or the first one.
func (r *rotation) resume(now time.Time) error {
	if err := os.MkdirAll(r.settings.Path, 0o750); err != nil {
		return err
	}
	existing, err := r.files()
	if err != nil {
		return err
	}
	if len(existing) == 0 {
		return r.open(r.name(now.Format(dateFormat), 0))
	}
	return r.open(existing[len(existing)-1].name)
}

// next closes the file, begins another one, and removes what is too many.
func (r *rotation) next(now time.Time) error {
	if err := r.close(); err != nil {
		return err
	}
	existing, err := r.files()
	if err != nil {
		return err
	}
	date, number := now.Format(dateFormat), 0
	if len(existing) > 0 {
		// Behind the newest one, also if the clock was set back.
		if newest := existing[len(existing)-1]; newest.date >= date {
			date, number = newest.date, newest.number+1
		}
	}
	if err := r.open(r.name(date, number)); err != nil {
		return err
	}
	for surplus := len(existing) + 1 - r.settings.NumberOfFiles; surplus > 0; surplus-- {
		if err := os.Remove(filepath.Join(r.settings.Path, existing[0].name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		existing = existing[1:]
	}
	return nil
}

func (r *rotation) open(name string) error {
	path := filepath.Join(r.settings.Path, name)
	file, err := openRegular(path, os.FileMode(r.settings.Permissions))
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		return errors.Join(err, file.Close())
	}
	r.file, r.size = file, info.Size()
	return nil
}

func (r *rotation) close() error {
	if r.file == nil {
		return nil
	}
	file := r.file
	r.file = nil
	return file.Close()
}

// name returns the name of the file with a number, which the first one of a day
// does not show.
func (r *rotation) name(date string, number int) string {
	name := r.settings.Filename + "-" + date
	if number > 0 {
		name += "-" + strconv.Itoa(number)
	}
	return name + extension
}

// files returns the files that are there, the oldest first.
func (r *rotation) files() ([]numbered, error) {
	entries, err := os.ReadDir(r.settings.Path)
	if err != nil {
		return nil, err
	}
	var found []numbered
	for _, entry := range entries {
		rest, isOurs := strings.CutPrefix(entry.Name(), r.settings.Filename+"-")
		rest, hasExtension := strings.CutSuffix(rest, extension)
		date, text, hasNumber := strings.Cut(rest, "-")
		if _, err := time.Parse(dateFormat, date); !isOurs || !hasExtension || err != nil {
			continue
		}
		number := 0
		if hasNumber {
			if number, err = strconv.Atoi(text); err != nil || number < 1 {
				continue
			}
		}
		found = append(found, numbered{entry.Name(), date, number})
	}
	slices.SortFunc(found, func(a, b numbered) int {
		return cmp.Or(cmp.Compare(a.date, b.date), cmp.Compare(a.number, b.number))
	})
	return found, nil
}
