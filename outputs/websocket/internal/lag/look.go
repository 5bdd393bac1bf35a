// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package lag

import (
	"cmp"
	"context"
	"os"
	"slices"
	"time"
)

const (
	lookInterval = 250 * time.Millisecond
	lookShare    = 20 // looking takes at most one part in this many of the time
	worstFiles   = 10
	stillLooks   = 4 // looks after which what is not an event counts as read
	restLooks    = 3 // every so many looks also take files that were settled to their end
)

// Summary is how far behind confirmations are.
type Summary struct {
	Age     time.Duration // of the oldest event that was read and is not settled
	Bytes   int64         // behind, of all files
	Largest int64         // behind, of the file that is farthest behind
	Files   int           // that are behind
	Worst   []FileLag     // those that are farthest behind, the farthest first
}

// FileLag is how far behind a file is.
type FileLag struct {
	Path  string
	Size  int64
	Place int64 // up to which everything is settled
	Age   time.Duration
}

// Behind returns the bytes that are not settled.
func (f FileLag) Behind() int64 { return max(0, f.Size-f.Place) }

// openFile is a file that this process has open.
type openFile struct {
	size int64
	read int64 // the place up to which it was read, -1 if it is not known
}

// Run looks at the files until ctx is done. With very many files it does so more rarely.
func (t *Tracker) Run(ctx context.Context) {
	timer := time.NewTimer(lookInterval)
	defer timer.Stop()
	for looks := 0; ; looks++ {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		begun := time.Now()
		t.look(looks%restLooks == 0)
		timer.Reset(max(lookInterval, lookShare*time.Since(begun)))
	}
}

// Summary returns what is known now. Only the sizes of the files are those of the last look.
func (t *Tracker) Summary() Summary {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	summary := t.summary
	if oldest := t.oldest(); !oldest.IsZero() {
		summary.Age = time.Since(oldest)
	}
	return summary
}

// sight is what a look found of a file.
type sight struct {
	file  *file
	path  string
	size  int64
	there bool // under its path
	open  openFile
	held  bool // this process has it open
	needs bool // the look has to find out whether it is open

	next     identity // of the file that has its path now
	nextSize int64
}

// look looks at the files, at those that rest only if it has to look at all. Nothing is
// locked while the file system is asked.
func (t *Tracker) look(all bool) {
	t.tick.Add(1)
	sights := t.prepare(all)
	wanted := map[identity]bool{}
	for i := range sights {
		s := &sights[i]
		info, err := os.Stat(s.path)
		if s.there = err == nil && s.file.id.is(info); s.there {
			s.size = info.Size()
		} else if err == nil && info.Mode().IsRegular() {
			device, inode, _ := inodeOf(info)
			s.next, s.nextSize = identity{device: device, inode: inode}, info.Size()
		}
		if s.needs || !s.there {
			wanted[s.file.id] = true
		}
	}
	if len(wanted) > 0 {
		open := openFiles(wanted)
		for i := range sights {
			s := &sights[i]
			if s.open, s.held = open[s.file.id]; s.held && !s.there {
				s.size = s.open.size
			}
		}
	}
	t.take(sights)
}

// prepare returns the files to look at, and notes how far they were read before. A file
// rests if the last look found it settled to its end, and nothing of it is on the way.
func (t *Tracker) prepare(all bool) []sight {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for _, f := range t.files {
		f.reached = 0
		if f.last != nil {
			f.reached = f.last.present()
		}
	}
	for _, s := range t.streams {
		if s.file != nil {
			s.file.reached = max(s.file.reached, s.present())
			s.file.rests = s.file.rests && !s.waiting()
		}
	}
	sights := make([]sight, 0, len(t.files))
	for _, f := range t.files {
		if all || !f.rests || f.reached > f.size {
			sights = append(sights, sight{file: f, path: f.path, needs: f.still >= stillLooks})
		}
	}
	return sights
}

// successor returns the file that now has the path of one that was rotated, if it is not
// known yet: it will be read too.
func (t *Tracker) successor(s *sight) *file {
	if s.next == (identity{}) || t.files[s.next] != nil {
		return nil
	}
	next := &file{id: s.next, path: s.path, size: s.nextSize, lowest: -1}
	t.keep(next)
	return next
}

// empty notes that the content from which events were read is gone.
func (t *Tracker) empty(f *file) {
	f.caught = 0
	if f.last != nil {
		f.last.void = f.last.read.Load()
	}
	for _, s := range t.streams {
		if s.file == f {
			s.void = s.read.Load()
		}
	}
}

// present returns how far the present content of the file was read, at least.
func (s *stream) present() int64 {
	if s.void > 0 && s.next <= s.void {
		return 0 // the notes may be of two contents
	}
	return s.reached()
}

// take works out the summary.
func (t *Tracker) take(sights []sight) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for i := range sights {
		s := &sights[i]
		f := s.file
		f.lowest, f.waiting = -1, false
		if next := t.successor(s); next != nil {
			sights = append(sights, sight{file: next, path: next.path, size: next.size, there: true})
		}
		if !s.there && !s.held {
			continue
		}
		if s.size < max(f.size, f.reached) {
			t.empty(f)
		}
		if f.size != s.size {
			f.size, f.still = s.size, 0
		}
	}
	ages := map[*file]time.Time{}
	for _, s := range t.streams {
		f := s.file
		if f == nil || !s.waiting() {
			continue
		}
		f.waiting = true
		if read := s.oldest(); ages[f].IsZero() || read.Before(ages[f]) {
			ages[f] = read
		}
		if s.void > 0 && s.read.Load() <= s.void {
			continue // all from a content that the file has no more
		}
		if place := s.settledTo(); f.lowest < 0 || place < f.lowest {
			f.lowest = place
		}
	}
	now := time.Now()
	summary := Summary{}
	var worst []FileLag
	for i := range sights {
		s := &sights[i]
		f := s.file
		if !s.there && !s.held && !f.waiting {
			delete(t.files, f.id)
			continue
		}
		f.settleRest(s)
		lag := FileLag{Path: f.path, Size: f.size, Place: f.place()}
		behind := lag.Behind()
		if f.rests = behind == 0 && !f.waiting; behind == 0 {
			continue
		}
		if read := ages[f]; !read.IsZero() {
			lag.Age = now.Sub(read)
		}
		summary.Files++
		summary.Bytes += behind
		summary.Largest = max(summary.Largest, behind)
		worst = append(worst, lag)
	}
	slices.SortFunc(worst, func(a, b FileLag) int {
		return cmp.Or(cmp.Compare(b.Behind(), a.Behind()), cmp.Compare(a.Path, b.Path))
	})
	summary.Worst = slices.Clone(worst[:min(len(worst), worstFiles)])
	t.summary = summary
}

// settleRest takes the end of the file as settled if it was read, and nothing came of it
// for a while: lines that a processor drops, or the beginning of a line.
func (f *file) settleRest(s *sight) {
	if f.caught > f.size {
		f.caught = 0
	}
	place := f.place()
	if f.waiting || place >= f.size || place != f.before {
		f.before, f.still = place, 0
		return
	}
	if f.still >= stillLooks && s.held && s.open.read == f.size {
		f.caught = f.size
		f.still = 0
		return
	}
	f.still++
}
