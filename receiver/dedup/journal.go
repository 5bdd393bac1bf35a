// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package dedup

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
)

const (
	journalBegin  = "requests that were taken, of "
	identityBytes = 16
)

// Journal is a file with the requests that a Sink has been given, for the next process on
// this machine: lines name neither chunks nor Idempotency-Keys. A request is in it before it
// is confirmed, and leaves it with a Commit that fails.
//
// It is not synced. So it may be believed only as long as the machine has not been
// restarted, and only by a Sink that still has what the one before was given: that is what
// its origin stands for.
type Journal struct {
	file      *os.File
	begin     int64 // length of what stands before the requests
	end, sure int64 // lengths of the file, and of what is committed
	cuts      int
	most      int64 // requests
	text      []byte
}

// journalMark is how much a Journal has at a time.
type journalMark struct {
	end  int64
	cuts int
}

// OpenJournal opens the file of that name, or creates it. What another origin has left in it
// is forgotten. It keeps at most twice as many requests as New's entries.
func OpenJournal(name, origin string) (*Journal, error) {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	j := &Journal{file: file}
	if err := j.start(journalBegin + origin + "\n"); err != nil {
		_ = file.Close()
		return nil, err
	}
	return j, nil
}

// start finds out whether the file begins so, and has it begin so.
func (j *Journal) start(begin string) error {
	info, err := j.file.Stat()
	if err != nil {
		return err
	}
	j.begin = int64(len(begin))
	found := make([]byte, len(begin))
	if _, err := j.file.ReadAt(found, 0); err != nil || string(found) != begin {
		if err := j.file.Truncate(0); err != nil {
			return err
		}
		_, err := j.file.WriteAt([]byte(begin), 0)
		j.end, j.sure = j.begin, j.begin
		return err
	}
	requests := (info.Size() - j.begin) / identityBytes // a torn one at the end is left out
	j.end = j.begin + requests*identityBytes
	j.sure = j.end
	return nil
}

// read returns the newest requests, the oldest first.
func (j *Journal) read() ([]identity, error) {
	from := max(j.begin, j.end-j.most*identityBytes)
	content := make([]byte, j.end-from)
	if _, err := io.ReadFull(io.NewSectionReader(j.file, from, int64(len(content))), content); err != nil {
		return nil, err
	}
	ids := make([]identity, 0, len(content)/identityBytes)
	for ; len(content) > 0; content = content[identityBytes:] {
		ids = append(ids, identity{binary.BigEndian.Uint64(content), binary.BigEndian.Uint64(content[8:])})
	}
	return ids, nil
}

// add notes a request, which write will write.
func (j *Journal) add(id identity) {
	j.text = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(j.text, id[0]), id[1])
}

// write writes what was added. An error leaves it out: such a request may be written twice.
func (j *Journal) write() {
	if len(j.text) == 0 {
		return
	}
	if j.end-j.begin >= 2*j.most*identityBytes {
		// The older half is not moved: what comes again after a restart is young.
		j.cut(j.begin)
	}
	if n, err := j.file.WriteAt(j.text, j.end); err == nil && n == len(j.text) {
		j.end += int64(n)
	}
	j.text = j.text[:0]
}

// cut forgets what is behind a length. Should that fail, a new file is begun by the next
// process.
func (j *Journal) cut(to int64) {
	if j.file.Truncate(to) != nil {
		_ = os.Remove(j.file.Name())
	}
	j.end, j.sure = to, min(j.sure, to)
	j.cuts++
}

func (j *Journal) mark() journalMark { return journalMark{j.end, j.cuts} }

// commit notes that what was there at the mark is committed.
func (j *Journal) commit(m journalMark) {
	if m.cuts == j.cuts {
		j.sure = m.end
	}
}

// Close closes the file.
func (j *Journal) Close() error { return j.file.Close() }

// Keep has the Dedup know the requests that are in the Journal, and note in it what it
// takes from now on. It returns how many there are. Call it before the first Consume, after
// Recall, and with no LateSink.
func (d *Dedup) Keep(j *Journal) (requests int, err error) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.late {
		return 0, fmt.Errorf("dedup: %T refuses records after Consume", d.next)
	}
	j.most = int64(d.seen.most)
	ids, err := j.read()
	if err != nil {
		return 0, err
	}
	if info, err := j.file.Stat(); err == nil && info.ModTime().After(d.seen.told) {
		d.seen.tell(info.ModTime())
	}
	for _, id := range ids {
		d.seen.add(id)
	}
	d.seen.sure = d.seen.added
	d.journal = j
	return len(ids), nil
}
