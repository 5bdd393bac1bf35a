// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"encoding/json"
	"sync"
)

// What a name of a file begins with.
const (
	byFingerprint = 'f'
	byInode       = 'i'
	byPath        = 'p'
)

// nameTable numbers the names of files. It may be used by several goroutines.
type nameTable struct {
	mutex   sync.Mutex
	numbers map[string]uint32
	names   []string
}

func (t *nameTable) number(name string) uint32 {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	number, has := t.numbers[name]
	if !has {
		number = uint32(len(t.names))
		t.numbers[name] = number
		t.names = append(t.names, name)
	}
	return number
}

func (t *nameTable) name(number uint32) string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.names[number]
}

// landedFile is a file as the records know it. An inode and a path can be those of
// several files, one after the other: another first line begins another file.
type landedFile struct {
	number   uint32
	name     string
	first    uint64 // hash of the first line, 0 if unknown
	last     int64  // highest offset so far
	baseline int64  // highest offset before Options.Since, -1 without
	records  int64
	isTaken  bool // by a source
}

func (f *landedFile) take(s *spot) {
	f.records++
	if s.offset < f.last {
		s.flags |= isLate
	}
	f.last = max(f.last, s.offset)
	if s.flags&isOld != 0 {
		f.baseline = max(f.baseline, s.offset)
	}
}

// files tells the files of records apart.
type files struct {
	names   *nameTable
	current map[uint32]*landedFile // by name
	byName  map[uint32][]*landedFile
	all     []*landedFile

	lastName uint32
	last     *landedFile
}

// of returns the file of a record.
func (f *files) of(s *spot) *landedFile {
	if f.last != nil && f.lastName == s.name && s.first == 0 {
		return f.last
	}
	if f.current == nil {
		f.current, f.byName = map[uint32]*landedFile{}, map[uint32][]*landedFile{}
	}
	file := f.current[s.name]
	if file == nil {
		file = f.begin(s)
	} else if s.first != 0 && file.name[0] != byFingerprint {
		file = f.withFirst(s, file)
	}
	f.current[s.name] = file
	f.last, f.lastName = file, s.name
	return file
}

func (f *files) begin(s *spot) *landedFile {
	file := &landedFile{number: uint32(len(f.all)), name: f.names.name(s.name), first: s.first, last: -1, baseline: -1}
	f.all = append(f.all, file)
	f.byName[s.name] = append(f.byName[s.name], file)
	return file
}

// withFirst returns the file of that name with this first line.
func (f *files) withFirst(s *spot, current *landedFile) *landedFile {
	if current.first == 0 {
		current.first = s.first
	}
	for _, file := range f.byName[s.name] {
		if file.first == s.first {
			return file
		}
	}
	return f.begin(s)
}

// claim finds the landedFile of each source, and returns the sources by its number.
func (r *run) claim(sources []*source, files []*landedFile) map[uint32]*source {
	owners := map[uint32]*source{}
	byName := map[string][]*landedFile{}
	byFirst := map[uint64][]*landedFile{}
	for _, file := range files {
		name := file.name
		if name[0] == byPath {
			var path string
			_ = json.Unmarshal([]byte(name[1:]), &path) // a path that is not text is that of no source
			name = string(byPath) + path
		}
		byName[name] = append(byName[name], file)
		if name[0] != byFingerprint && file.first != 0 {
			byFirst[file.first] = append(byFirst[file.first], file)
		}
	}
	take := func(s *source, candidates []*landedFile, fits func(*landedFile) bool) {
		for i := len(candidates) - 1; i >= 0 && !s.hasRecords; i-- { // the newest first
			if file := candidates[i]; !file.isTaken && fits(file) {
				file.isTaken, s.hasRecords = true, true
				owners[file.number] = s
			}
		}
	}
	newest := func(*landedFile) bool { return true }
	for _, s := range sources {
		if s.fingerprint == "" {
			continue
		}
		candidates := byName[string(byFingerprint)+s.fingerprint]
		take(s, candidates, newest)
		if len(candidates) > 0 && !s.hasRecords {
			s.reason = "it begins like " + owners[candidates[0].number].name + ", which has its records: to Filebeat the two are one file"
			r.found(Finding{Kind: Unverified, File: s.name, Lines: 1, Reason: s.reason})
		}
	}
	rounds := []func(s *source){
		func(s *source) {
			take(s, byName[string(byInode)+s.inode], func(f *landedFile) bool { return f.first == s.first })
			take(s, byName[string(byPath)+s.path], func(f *landedFile) bool { return f.first == s.first })
		},
		func(s *source) { // moved, copied or gzip'd
			if candidates := byFirst[s.first]; len(candidates) == 1 {
				take(s, candidates, newest)
			}
		},
		func(s *source) { // its first line is not what was sent, or is missing
			take(s, byName[string(byInode)+s.inode], newest)
			take(s, byName[string(byPath)+s.path], newest)
		},
	}
	for _, round := range rounds {
		for _, s := range sources {
			if !s.hasRecords && s.reason == "" {
				round(s)
			}
		}
	}
	return owners
}
