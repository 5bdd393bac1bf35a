// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"sync"

	"filebeat-websocket/receiver/internal/group"
)

// pending are the messages of a Client that wait for Commit.
type pending struct {
	client *Client

	mutex     sync.Mutex
	held      []settlement // for a Commit that has not begun
	sealed    []settlement // for the one under way
	requested bool         // the committer has it on its list
}

// settlement is what becomes of one message.
type settlement struct {
	bytes   int64
	settled func(error)
}

// hold adds a message for which since was the newest Commit that had failed when its
// Consume began. It reports whether too much is uncommitted.
func (p *pending) hold(added settlement, since *group.Failure) (crowded bool) {
	commits := p.client.intake.commits
	p.mutex.Lock()
	// Under the mutex: either fail has not been here yet, or its failure is seen.
	if failure := commits.Failed(); failure != since {
		p.mutex.Unlock()
		p.refuse([]settlement{added}, refusalOf(failure.Err))
		return false
	}
	p.held = append(p.held, added)
	crowded = commits.Hold(added.bytes)
	request := !p.requested
	p.requested = true
	p.mutex.Unlock()
	if request {
		commits.Request(p)
	}
	return crowded
}

func (p *pending) Seal() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.sealed, p.held = p.held, nil
	p.requested = false
}

func (p *pending) Settle() (bytes int64) {
	p.mutex.Lock()
	list := p.sealed
	p.sealed = nil
	p.mutex.Unlock()
	for _, s := range list {
		bytes += s.bytes
		s.settled(nil)
	}
	return bytes
}

func (p *pending) Fail(err error) (bytes int64) {
	p.mutex.Lock()
	list := append(p.sealed, p.held...)
	p.sealed, p.held = nil, nil
	p.mutex.Unlock()
	for _, s := range list {
		bytes += s.bytes
	}
	if len(list) > 0 {
		p.refuse(list, refusalOf(err))
	}
	return bytes
}

func (p *pending) refuse(list []settlement, refusal *Refusal) {
	p.client.refused.Add(uint64(len(list)))
	p.client.intake.observed.refused(p.client.peer, refusal)
	for _, s := range list {
		s.settled(refusal)
	}
}

var _ group.Waiter = (*pending)(nil)
