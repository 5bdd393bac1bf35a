// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package eventid

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// registryFolder is where Filebeat keeps its registry in the data path, unless
// filebeat.registry.path is set.
const registryFolder = "registry/filebeat"

// cursorEntry is the part of a registry entry that is read. Each input has a cursor of
// its own kind.
type cursorEntry struct {
	Cursor json.RawMessage `json:"cursor"`
}

// readRegistry returns how far Filebeat had got with each file: by the key of its
// entry, and by the last part of the key, which is how the file is known. That reveals
// a truncation while Filebeat was not running. The registry is a checkpoint, named in
// active.dat by the number of its last change, and a log of the changes since. It is
// only read: another Filebeat may be using it. The error is fs.ErrNotExist without one.
func readRegistry(data string) (map[string]int64, error) {
	folder := filepath.Join(data, filepath.FromSlash(registryFolder))
	offsets := map[string]int64{}
	if _, err := os.Stat(folder); err != nil {
		return offsets, err
	}
	checkpoint, err := readCheckpoint(folder, offsets)
	if err != nil {
		return offsets, err
	}
	if err := readLog(filepath.Join(folder, "log.json"), checkpoint, offsets); err != nil {
		return offsets, err
	}
	for key, offset := range maps.Clone(offsets) {
		name := key[strings.LastIndex(key, "::")+2:]
		offsets[name] = max(offsets[name], offset)
	}
	return offsets, nil
}

// readCheckpoint returns the number of the last change in the checkpoint.
func readCheckpoint(folder string, offsets map[string]int64) (last uint64, err error) {
	active, err := os.ReadFile(filepath.Join(folder, "active.dat"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	// The folder may have moved since the path was written.
	name := strings.TrimSpace(string(active))
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	if last, err = strconv.ParseUint(strings.TrimSuffix(name, ".json"), 10, 64); err != nil {
		return 0, fmt.Errorf("active.dat: %q is not the name of a checkpoint", name)
	}
	name = strconv.FormatUint(last, 10) + ".json"
	f, err := os.Open(filepath.Join(folder, name))
	if err != nil {
		return 0, fmt.Errorf("active.dat names a checkpoint that cannot be read: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	decoder := json.NewDecoder(bufio.NewReader(f))
	if _, err := decoder.Token(); err != nil { // the bracket of the list
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	for decoder.More() {
		var kept struct {
			Key string `json:"_key"`
			cursorEntry
		}
		if err := decoder.Decode(&kept); err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
		if err := note(offsets, kept.Key, kept.Cursor); err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
	}
	return last, nil
}

// readLog applies the changes after the checkpoint. After a kill the last one may be
// cut off; Filebeat ignores that too.
func readLog(path string, checkpoint uint64, offsets map[string]int64) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	decoder := json.NewDecoder(bufio.NewReader(f))
	for {
		var action struct {
			Op string `json:"op"`
			ID uint64 `json:"id"`
		}
		var change struct {
			Key   string      `json:"k"`
			Value cursorEntry `json:"v"`
		}
		err := decoder.Decode(&action)
		if err == nil {
			err = decoder.Decode(&change)
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return fmt.Errorf("log.json: %w", err)
		case action.ID <= checkpoint:
		case action.Op == "remove":
			delete(offsets, change.Key)
		default:
			if err := note(offsets, change.Key, change.Value.Cursor); err != nil {
				return fmt.Errorf("log.json: %w", err)
			}
		}
	}
}

// resetOffset stands for the offset 0 that Filebeat writes when it finds a file truncated,
// until a line of what is in the file since is confirmed. Ids of such lines may have been
// given or not: so the first line is a fall, wherever it is.
const resetOffset = math.MaxInt64

// note keeps the offset of an entry of filestream. A file that is new to Filebeat has none.
// A Filebeat that has read the number before writes it as a float, such as 1.608e+06.
func note(offsets map[string]int64, key string, cursor json.RawMessage) error {
	if !strings.HasPrefix(key, "filestream::") {
		return nil
	}
	var position struct {
		Offset *float64 `json:"offset"`
	}
	if len(cursor) > 0 {
		if err := json.Unmarshal(cursor, &position); err != nil {
			return err
		}
	}
	switch {
	case position.Offset == nil:
		delete(offsets, key)
	case *position.Offset > 0:
		offsets[key] = int64(*position.Offset)
	default:
		offsets[key] = resetOffset
	}
	return nil
}
