// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package group

import "sync"

// Pending are the messages of one client that wait for Commit.
type Pending struct {
	commits *Committer
	refused func(messages []Settlement, why error)

	mutex     sync.Mutex
	held      []Settlement // for a Commit that has not begun
	sealed    []Settlement // for the one under way
	late      map[uint64]error
	requested bool // the committer has it on its list
}

// Settlement is what becomes of one message.
type Settlement struct {
	Number  uint64
	Bytes   int64
	Settled func(error)
}

// NewPending returns an empty Pending. refused is called with messages that a Commit has
// lost, and has to settle them.
func NewPending(commits *Committer, refused func([]Settlement, error)) *Pending {
	return &Pending{commits: commits, refused: refused, late: map[uint64]error{}}
}

// Hold adds a message for which since was the newest Commit that had failed when its
// Consume began. It reports whether too much is uncommitted.
func (p *Pending) Hold(added Settlement, since *Failure) (crowded bool) {
	p.mutex.Lock()
	// Under the mutex: either Fail has not been here yet, or its failure is seen.
	if failure := p.commits.Failed(); failure != since {
		p.mutex.Unlock()
		p.refused([]Settlement{added}, failure.Err)
		return false
	}
	p.held = append(p.held, added)
	crowded = p.commits.Hold(added.Bytes)
	request := !p.requested
	p.requested = true
	p.mutex.Unlock()
	if request {
		p.commits.Request(p)
	}
	return crowded
}

// Late notes why a message, or a part of it, will not be there when it settles. and joins
// the reason with the one before, which may be nil.
func (p *Pending) Late(number uint64, and func(before error) error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.late[number] = and(p.late[number])
}

// Seal notes that a Commit is about to begin.
func (p *Pending) Seal() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.sealed, p.held = p.held, nil
	p.requested = false
}

// Settle tells of what a Commit covered, and returns its bytes.
func (p *Pending) Settle() (bytes int64) {
	p.mutex.Lock()
	list, late := p.sealed, make([]error, len(p.sealed))
	p.sealed = nil
	for i, s := range list {
		late[i] = p.late[s.Number]
		delete(p.late, s.Number)
	}
	p.mutex.Unlock()
	for i, s := range list {
		bytes += s.Bytes
		if late[i] != nil {
			p.refused(list[i:i+1], late[i])
		} else {
			s.Settled(nil)
		}
	}
	return bytes
}

// Fail refuses everything that is not committed, and returns its bytes.
func (p *Pending) Fail(err error) (bytes int64) {
	p.mutex.Lock()
	list := append(p.sealed, p.held...)
	p.sealed, p.held = nil, nil
	clear(p.late)
	p.mutex.Unlock()
	for _, s := range list {
		bytes += s.Bytes
	}
	if len(list) > 0 {
		p.refused(list, err)
	}
	return bytes
}

var _ Waiter = (*Pending)(nil)
