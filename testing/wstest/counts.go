// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package wstest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
)

// missingMax bounds what Server.Missing returns: enough to see a pattern in a
// failure message.
const missingMax = 20

// Counts is what a Server has seen over all its connections.
type Counts struct {
	Unique    int // different sequence numbers
	Duplicate int // sequence numbers that had been seen before
	MaxSeq    int // the largest sequence number, 0 without one
	MaxTimes  int // how often the most frequent number was seen
	Messages  int // data messages
	Pings     int
	Pongs     int // from the client

	Connections int // accepted, upgraded or not
	Upgraded    int
	Open        int // upgraded and not yet ended
}

// Record is one data message.
type Record struct {
	Conn   int  // number of the connection, from 1
	Opcode byte // 1 text, 2 binary (RFC 6455 5.2)
	Data   []byte
}

// ConnInfo is what a Server knows of one upgraded connection.
type ConnInfo struct {
	Conn       int // number of the connection, from 1
	RemoteAddr string
	Request    *http.Request // the upgrade request; read only
	// Subprotocol is the one that was picked, if any.
	Subprotocol string
	Messages    int
	// Acked is the newest message that was acked; it is set before the ack is
	// written.
	Acked     int
	Pings     int
	CloseCode int // of the client's Close frame: 0 without one, 1005 if it was empty
	Open      bool
}

// ledger holds everything counted. Its lock is taken once per frame.
type ledger struct {
	keepRecords bool

	mutex      sync.Mutex
	seqs       seqSet
	counts     Counts
	records    []Record
	conns      []*ConnInfo
	violations []string
	waiting    int           // calls of wait under way
	changed    chan struct{} // closed and replaced when the counts changed
}

func newLedger(keepRecords bool) *ledger {
	return &ledger{keepRecords: keepRecords, changed: make(chan struct{})}
}

// message counts one data message; data is copied where it is kept.
func (l *ledger) message(info *ConnInfo, opcode byte, data []byte) (messageNumber int) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	eachSeq(data, l.seqs.add)
	l.counts.Messages++
	info.Messages++
	if l.keepRecords {
		l.records = append(l.records, Record{Conn: info.Conn, Opcode: opcode, Data: slices.Clone(data)})
	}
	return info.Messages
}

// update changes counts or info under the lock and wakes those who wait.
func (l *ledger) update(change func()) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	change()
	l.wakeLocked()
}

// wake is called when a reader is about to block, not for every message.
func (l *ledger) wake() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.wakeLocked()
}

func (l *ledger) wakeLocked() {
	if l.waiting > 0 {
		close(l.changed)
		l.changed = make(chan struct{})
	}
}

func (l *ledger) violation(number int, format string, args ...any) {
	text := fmt.Sprintf("connection %d: ", number) + fmt.Sprintf(format, args...)
	l.update(func() { l.violations = append(l.violations, text) })
}

// snapshotLocked needs l.mutex.
func (l *ledger) snapshotLocked() Counts {
	c := l.counts
	c.Unique, c.Duplicate, c.MaxSeq, c.MaxTimes = l.seqs.unique, l.seqs.duplicate, l.seqs.largest, l.seqs.maxTimes
	return c
}

func (l *ledger) wait(ctx context.Context, done func(Counts) bool) error {
	l.mutex.Lock()
	l.waiting++
	l.mutex.Unlock()
	defer l.update(func() { l.waiting-- })
	for {
		l.mutex.Lock()
		c, changed := l.snapshotLocked(), l.changed
		l.mutex.Unlock()
		if done(c) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waiting for the server's counts, at %+v: %w", c, context.Cause(ctx))
		}
	}
}

// Counts returns the counts at this moment.
func (s *Server) Counts() Counts {
	s.ledger.mutex.Lock()
	defer s.ledger.mutex.Unlock()
	return s.ledger.snapshotLocked()
}

// Wait returns nil as soon as done holds, or an error with the last counts when
// ctx ends. While messages stream in, done does not see every single count:
// compare with >=, not with ==.
func (s *Server) Wait(ctx context.Context, done func(Counts) bool) error {
	return s.ledger.wait(ctx, done)
}

// Missing returns the sequence numbers in [from, to] that were not seen, in
// order, at most 20 of them.
func (s *Server) Missing(from, to int) []int {
	s.ledger.mutex.Lock()
	defer s.ledger.mutex.Unlock()
	var missing []int
	for n := from; n <= to && len(missing) < missingMax; n++ {
		if !s.ledger.seqs.has(n) {
			missing = append(missing, n)
		}
	}
	return missing
}

// Times returns how often a sequence number was seen.
func (s *Server) Times(seq int) int {
	s.ledger.mutex.Lock()
	defer s.ledger.mutex.Unlock()
	return s.ledger.seqs.times(seq)
}

// Records returns the data messages in the order they were read; those of
// several connections interleave. It is empty without KeepRecords.
func (s *Server) Records() []Record {
	s.ledger.mutex.Lock()
	defer s.ledger.mutex.Unlock()
	return slices.Clone(s.ledger.records)
}

// Conns returns the upgraded connections in the order of their upgrade.
func (s *Server) Conns() []ConnInfo {
	s.ledger.mutex.Lock()
	defer s.ledger.mutex.Unlock()
	infos := make([]ConnInfo, 0, len(s.ledger.conns))
	for _, info := range s.ledger.conns {
		infos = append(infos, *info)
	}
	return infos
}

// Violations returns how clients violated RFC 6455, a line each.
func (s *Server) Violations() []string {
	s.ledger.mutex.Lock()
	defer s.ledger.mutex.Unlock()
	return slices.Clone(s.ledger.violations)
}
