// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package eventid

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	libfile "github.com/elastic/elastic-agent-libs/file"
)

const (
	generationsName = "event_generations.json" // in the Beat's data path
	maxGenerations  = 4096                     // files in it
)

// fileGenerations are the generations of all files: base, except for the few files that
// fell back since. They only rise.
type fileGenerations struct {
	path  string
	base  uint64
	files map[fileKey]uint64

	unwritten bool      // no id may use them before they are on disk
	failure   error     // of the last attempt to write
	retryAt   time.Time // when to try again after a failure
}

// retryInterval is how often a file that cannot be written is tried again.
const retryInterval = 10 * time.Second

// generationsFile is how they are kept: files by their key in hexadecimal.
type generationsFile struct {
	Base  uint64            `json:"base"`
	Files map[string]uint64 `json:"files"`
}

// readGenerations reads what is in the data path. If that is missing or cannot be read,
// all files begin a new generation: an old one must not be given twice.
func readGenerations(data string) (*fileGenerations, error) {
	g := &fileGenerations{path: filepath.Join(data, generationsName), files: map[fileKey]uint64{}}
	content, err := os.ReadFile(g.path)
	if err == nil {
		err = g.parse(content)
	}
	if err != nil {
		clear(g.files)
		g.begin()
		return g, fmt.Errorf("%s: %w", g.path, err)
	}
	return g, nil
}

func (g *fileGenerations) parse(content []byte) error {
	var kept generationsFile
	if err := json.Unmarshal(content, &kept); err != nil {
		return err
	}
	g.base = kept.Base
	for name, generation := range kept.Files {
		id, err := hex.DecodeString(name)
		if err != nil || len(id) != len(fileKey{}) {
			return errors.New("a key is not 32 hexadecimal digits")
		}
		g.files[fileKey(id)] = generation
	}
	return nil
}

// Forget removes the generations from a data path. A Filebeat that gives no ids has to: it
// may read files beyond a truncation that nothing here notices.
func Forget(data string) error {
	if err := os.Remove(filepath.Join(data, generationsName)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// of returns the generation of a file.
func (g *fileGenerations) of(id fileKey) uint64 { return max(g.base, g.files[id]) }

// begin begins a new generation of all files. The time is above every generation so
// far, and above those in a file that cannot be read.
func (g *fileGenerations) begin() {
	top := uint64(time.Now().UnixNano())
	for _, generation := range g.files {
		top = max(top, generation+1)
	}
	g.base = max(top, g.base+1)
	clear(g.files)
	g.unwritten = true
}

// raise begins a new generation of a file and returns it.
func (g *fileGenerations) raise(id fileKey) uint64 {
	if _, known := g.files[id]; !known && len(g.files) >= maxGenerations {
		g.begin()
	}
	g.files[id] = g.of(id) + 1
	g.unwritten = true
	return g.files[id]
}

// keep writes the generations, unless they are on disk.
func (g *fileGenerations) keep() error {
	if !g.unwritten {
		return nil
	}
	if g.failure != nil && time.Now().Before(g.retryAt) {
		return g.failure
	}
	if g.failure = g.write(); g.failure != nil {
		g.retryAt = time.Now().Add(retryInterval)
		return g.failure
	}
	g.unwritten = false
	return nil
}

// write replaces the file in one step and syncs it.
func (g *fileGenerations) write() error {
	kept := generationsFile{Base: g.base, Files: make(map[string]uint64, len(g.files))}
	for id, generation := range g.files {
		kept.Files[hex.EncodeToString(id[:])] = generation
	}
	content, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	temporary := g.path + ".new"
	if err := writeSynced(temporary, content); err != nil {
		return err
	}
	return libfile.SafeFileRotate(g.path, temporary)
}

func writeSynced(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}
