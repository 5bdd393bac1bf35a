// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package eventid

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io/fs"
	"sync"
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/elastic-agent-libs/logp"
)

// Limits of what is remembered and written.
const (
	defaultMaxFiles = 1 << 16 // files in memory; beyond them all begin a new generation

	// A file whose place falls back more often than this gets no ids for the rest of
	// the interval: that is not truncation, which is rarer, but an input whose places
	// cannot be trusted, and each generation costs a sync of the disk.
	maxFalls      = 60
	fallsInterval = time.Hour
)

// Source knows the files that events come from. It may be used by several
// goroutines.
type Source struct {
	agent   string
	run     string
	byInode bool
	data    string
	ended   time.Time // of the Filebeat before: it wrote the registry last
	log     *logp.Logger

	maxFiles int

	// mutex guards all fields below, and the falls of every file.
	mutex       sync.Mutex
	files       map[fileKey]*fileState
	acked       map[string]int64 // how far Filebeat had got before this start, see readRegistry
	generations *fileGenerations
	warned      bool
}

// fileState is what is known about a file since the start.
type fileState struct {
	key fileKey

	mutex sync.Mutex // guards all fields below; taken before Source.mutex
	last  int64      // place of the last line, -1 before the first
	seen  bool       // a line of it since the start
	run   string     // that read it, see place
	hash  fileHash

	fallen     bool // a new generation has to begin before there are ids again
	falls      int
	fallsSince time.Time
}

// fileKey is the hash of a file's identity.
type fileKey [16]byte

// fileHash is what goes into the ids of a file besides line and offset. It hashes the
// agent's id, which the programs that write log lines do not know: so they cannot write
// a line that gets the id of another.
type fileHash struct{ high, low, seed uint64 }

// Options say how files are told apart and where generations are kept.
type Options struct {
	Agent   string // id of the agent
	Run     string // id of this run, agent.ephemeral_id of its events
	ByInode bool   // also files that are known by device and inode only
	Data    string // the Beat's data path
	Log     *logp.Logger
}

// Open reads what is kept over restarts. It writes nothing. If something cannot be read,
// a new generation of all files begins: lines that are read again then get new ids.
func Open(options Options) *Source {
	generations, unkept := readGenerations(options.Data)
	ended := lastWritten(options.Data) // before it is written again
	acked, unread := readRegistry(options.Data)
	if unread != nil {
		generations.begin()
	}
	for _, err := range []error{unkept, unread} {
		switch {
		case errors.Is(err, fs.ErrNotExist): // as at the first start
			options.Log.Infof("Lines that are read again after this start get new ids, once: %v", err)
		case err != nil:
			options.Log.Warnf("Lines that are read again after this start get new ids, once: %v", err)
		}
	}
	return &Source{
		agent:       options.Agent,
		run:         options.Run,
		byInode:     options.ByInode,
		data:        options.Data,
		ended:       ended,
		log:         options.Log,
		maxFiles:    defaultMaxFiles,
		files:       map[fileKey]*fileState{},
		acked:       acked,
		generations: generations,
	}
}

// NewMaker returns a Maker of the ids of one producer's events.
func (s *Source) NewMaker() *Maker { return &Maker{source: s} }

// find returns the file at a place, nil if it can have no ids for now. A file that is
// seen for the first time since the start has been read as far as the registry says: a
// line before that is a fall.
func (s *Source) find(at place) *fileState {
	sum := sha256.Sum256([]byte(at.entry + "\x00" + at.file))
	id := fileKey(sum[:len(fileKey{})])
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if known, ok := s.files[id]; ok {
		return known
	}
	if len(s.files) >= s.maxFiles {
		// The fall of a forgotten file would go unnoticed, so all get a new generation.
		clear(s.files)
		s.generations.begin()
	}
	if !s.kept() {
		return nil
	}
	found := &fileState{key: id, last: -1, hash: s.hash(id, s.generations.of(id))}
	if offset, ok := s.acked[at.entry]; ok {
		found.last = offset - 1
	}
	s.files[id] = found
	return found
}

func (s *Source) hash(id fileKey, generation uint64) fileHash {
	text := append([]byte(s.agent+"\x00"), id[:]...)
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(text, generation))
	return fileHash{
		high: binary.BigEndian.Uint64(sum[0:]),
		low:  binary.BigEndian.Uint64(sum[8:]),
		seed: binary.BigEndian.Uint64(sum[16:]),
	}
}

// visit notes that a line at offset was read, and returns the hash for its id. A place
// that does not rise begins a new generation, which is on disk before the first line of it
// has an id. Otherwise, after a kill, later lines could get the ids of earlier ones. A file
// that Filebeat forgot at its start stays in its generation.
//
// Behind the lines of an earlier run a disk queue has those of this run, which began
// where the registry says and may have read some of them again. Where other runs
// began is not known.
func (s *Source) visit(f *fileState, at place, event *beat.Event) (h fileHash, ok bool) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if at.run != f.run {
		f.run = at.run
		if began, known := s.acked[at.file]; known && at.run == s.run {
			f.last = began - 1
		}
	}
	if at.offset <= f.last && (f.seen || !s.forgotten(event, at.entry, f.last+1)) {
		f.fallen = true
	}
	f.last, f.seen = at.offset, true
	if f.fallen && !s.fall(f) {
		return fileHash{}, false // the next line tries again
	}
	f.fallen = false
	return f.hash, true
}

// fall begins a new generation of a file and reports whether that is on disk. Its
// caller holds f.mutex.
func (s *Source) fall(f *fileState) bool {
	if now := time.Now(); now.Sub(f.fallsSince) > fallsInterval {
		f.falls, f.fallsSince = 0, now
	}
	if f.falls >= maxFalls {
		return false
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	generation := s.generations.raise(f.key)
	if !s.kept() {
		return false
	}
	f.falls++
	f.hash = s.hash(f.key, generation)
	return true
}

// kept writes the generations to disk if need be, and reports whether they are there.
// Its caller holds s.mutex.
func (s *Source) kept() bool {
	err := s.generations.keep()
	if err != nil && !s.warned {
		s.log.Errorf("The generations of files cannot be kept; lines get no ids until they can: %v", err)
	}
	s.warned = err != nil
	return err == nil
}
