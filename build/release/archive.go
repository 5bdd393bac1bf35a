// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"filebeat-websocket/build/program"
)

// archive writes the platform's archive of a folder, which is base and an ending.
func (d distribution) archive(folder, base string, p program.Platform) error {
	write, ending := tarGz, ".tar.gz"
	if p.GOOS == "windows" {
		write, ending = zipped, ".zip"
	}
	return writeFile(base+ending, func(w io.Writer) error {
		return write(w, folder, filepath.Base(base), d.modified)
	})
}

// tarGz writes the files of folder to w, below top. The owner is root, the time is modified,
// and modes are those of the files. Entries are sorted by name. The gzip header has neither
// a name nor a time.
func tarGz(w io.Writer, folder, top string, modified time.Time) error {
	compressed := gzip.NewWriter(w)
	archive := tar.NewWriter(compressed)
	err := walk(folder, top, func(name string, info fs.FileInfo, content io.Reader) error {
		header := &tar.Header{
			Name:    name,
			Mode:    tarMode(info.Mode()),
			ModTime: modified,
			Uname:   "root",
			Gname:   "root",
			Format:  tar.FormatPAX,
		}
		if info.IsDir() {
			header.Typeflag = tar.TypeDir
			return archive.WriteHeader(header)
		}
		header.Typeflag, header.Size = tar.TypeReg, info.Size()
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		_, err := io.Copy(archive, content)
		return err
	})
	if err != nil {
		return err
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return compressed.Close()
}

// tarMode is a mode as tar writes it. Folders of images that any user can write to are sticky.
func tarMode(mode fs.FileMode) int64 {
	bits := int64(mode.Perm())
	if mode&fs.ModeSticky != 0 {
		bits |= 0o1000
	}
	return bits
}

// zipped does the same as a zip file, which has no owners.
func zipped(w io.Writer, folder, top string, modified time.Time) error {
	archive := zip.NewWriter(w)
	err := walk(folder, top, func(name string, info fs.FileInfo, content io.Reader) error {
		header := &zip.FileHeader{Name: name, Modified: modified.UTC()}
		header.SetMode(info.Mode())
		if !info.IsDir() {
			header.Method = zip.Deflate
		}
		entry, err := archive.CreateHeader(header)
		if err != nil || info.IsDir() {
			return err
		}
		_, err = io.Copy(entry, content)
		return err
	})
	if err != nil {
		return err
	}
	return archive.Close()
}

// walk calls add for every folder and file, in the order of their names. Names of folders
// end in a slash. Anything else, such as a link, is an error.
func walk(folder, top string, add func(name string, info fs.FileInfo, content io.Reader) error) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	return fs.WalkDir(root.FS(), ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := path.Join(top, file)
		info, err := entry.Info()
		switch {
		case err != nil:
			return err
		case info.IsDir():
			return add(name+"/", info, nil)
		case !info.Mode().IsRegular():
			return fmt.Errorf("%s is neither a file nor a folder", name)
		}
		content, err := root.Open(file)
		if err != nil {
			return err
		}
		defer func() { _ = content.Close() }()
		if err := add(name, info, content); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
}
