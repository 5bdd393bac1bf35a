// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package publish keeps account of the records that a Sink has handed to an engine, which
// says for each of them later whether it has it.
package publish

import (
	"context"
	"sync"
	"time"

	"filebeat-websocket/receiver"
)

const (
	// DefaultWindowBytes bounds what is on its way unless set: 8 MiB.
	DefaultWindowBytes = 8 << 20
	// maxRecords bounds it too: nats-server refuses records beyond 10,000 that wait for one
	// stream, of all clients together.
	maxRecords = 4096
	// recordBytes is added to the bytes of each record, for its headers and its account.
	recordBytes = 128

	// Pause is what clients are asked for when the engine does not take records.
	Pause = time.Second
)

// Window bounds what is on its way to the engine, and tells Commit when all of it has
// arrived. Its methods may be called from any goroutine.
type Window struct {
	maxBytes int64
	changed  func(*receiver.Refusal)

	mutex   sync.Mutex
	bytes   int64
	records int
	freed   chan struct{} // closed and replaced when there is room again; nil if nobody waits
	epoch   uint64        // of Commits
	open    map[uint64]int
	settled chan struct{} // closed when a batch is, for Commit; nil if it does not wait
	failed  *receiver.Refusal
	lost    *receiver.Refusal // after Consume had ended, of a message without Late
}

// NewWindow returns a Window of that many bytes; DefaultWindowBytes if that is 0. changed is
// called, if it is not nil, when the engine begins to fail, and with nil when it works again.
func NewWindow(maxBytes int64, changed func(*receiver.Refusal)) *Window {
	if maxBytes == 0 {
		maxBytes = DefaultWindowBytes
	}
	if changed == nil {
		changed = func(*receiver.Refusal) {}
	}
	return &Window{maxBytes: maxBytes, changed: changed, open: map[uint64]int{}}
}

// Batch are the records of one message.
type Batch struct {
	window *Window
	epoch  uint64
	late   receiver.Late
	number uint64

	// Under window.mutex.
	waiting int               // for answers; Consume counts as one
	lost    *receiver.Refusal // of the records that the engine does not have
}

// Begin begins a message. End has to follow.
func (w *Window) Begin(m *receiver.Message) *Batch {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.open[w.epoch]++
	return &Batch{window: w, epoch: w.epoch, waiting: 1, late: m.Late, number: m.Number}
}

// Take waits until there is room for a record of that many bytes. Done has to follow,
// unless Take returns an error. A record alone always has room.
func (b *Batch) Take(ctx context.Context, bytes int) error {
	w := b.window
	size := int64(bytes) + recordBytes
	for {
		w.mutex.Lock()
		if w.records == 0 || w.records < maxRecords && w.bytes+size <= w.maxBytes {
			w.bytes += size
			w.records++
			b.waiting++
			w.mutex.Unlock()
			return nil
		}
		if w.freed == nil {
			w.freed = make(chan struct{})
		}
		freed := w.freed
		w.mutex.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Done gives the room of a record back. refusal is nil if the engine has the record.
func (b *Batch) Done(index, bytes int, refusal *receiver.Refusal) {
	w := b.window
	w.mutex.Lock()
	w.bytes -= int64(bytes) + recordBytes
	w.records--
	// Those that wait are woken for many records, not for each.
	if w.freed != nil && w.records <= maxRecords*3/4 && w.bytes <= w.maxBytes*3/4 {
		close(w.freed)
		w.freed = nil
	}
	if refusal != nil {
		b.loseLocked(index, refusal)
	}
	told := w.noteLocked(refusal)
	b.leaveLocked()
	w.mutex.Unlock()
	if told {
		w.changed(refusal)
	}
}

// Refuse refuses a record for which Take was not called, or has failed.
func (b *Batch) Refuse(index int, refusal *receiver.Refusal) {
	w := b.window
	w.mutex.Lock()
	b.loseLocked(index, refusal)
	w.mutex.Unlock()
}

// loseLocked adds a record to those that are refused. Of two reasons, the one for which a
// record may come again wins.
func (b *Batch) loseLocked(index int, refusal *receiver.Refusal) {
	if b.lost == nil {
		b.lost = &receiver.Refusal{Reason: refusal.Reason, Retry: refusal.Retry, Pause: refusal.Pause, Cause: refusal.Cause}
	} else if refusal.Retry && !b.lost.Retry {
		b.lost.Reason, b.lost.Retry, b.lost.Pause, b.lost.Cause = refusal.Reason, true, refusal.Pause, refusal.Cause
	}
	b.lost.Records = append(b.lost.Records, index)
}

// End ends Consume. It returns what is refused so far.
func (b *Batch) End() error {
	w := b.window
	w.mutex.Lock()
	defer w.mutex.Unlock()
	lost := b.lost
	b.lost = nil
	b.leaveLocked()
	if lost == nil {
		return nil
	}
	return lost
}

// leaveLocked notes that one of those for which the batch waits is done.
func (b *Batch) leaveLocked() {
	b.waiting--
	if b.waiting > 0 {
		return
	}
	if b.lost != nil && b.late != nil {
		b.late.RefuseLate(b.number, b.lost)
	} else if b.lost != nil {
		b.window.lost = b.lost
	}
	w := b.window
	w.open[b.epoch]--
	if w.open[b.epoch] == 0 && b.epoch < w.epoch {
		delete(w.open, b.epoch)
		if w.settled != nil {
			close(w.settled)
			w.settled = nil
		}
	}
}

// Wait waits until every record of the batches that were begun before has an answer. It
// returns the refusal of one that was lost after its Consume, if its Message.Late was nil.
func (w *Window) Wait(ctx context.Context) error {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.open[w.epoch] == 0 {
		delete(w.open, w.epoch)
	}
	w.epoch++
	for w.earlierLocked() {
		settled := make(chan struct{})
		w.settled = settled
		w.mutex.Unlock()
		select {
		case <-settled:
		case <-ctx.Done():
		}
		w.mutex.Lock()
		if err := context.Cause(ctx); err != nil {
			return err
		}
	}
	if lost := w.lost; lost != nil {
		w.lost = nil
		return lost
	}
	return nil
}

func (w *Window) earlierLocked() bool {
	for epoch := range w.open {
		if epoch < w.epoch {
			return true
		}
	}
	return false
}

// Note notes that the engine fails, or that it works again.
func (w *Window) Note(refusal *receiver.Refusal) {
	w.mutex.Lock()
	told := w.noteLocked(refusal)
	w.mutex.Unlock()
	if told {
		w.changed(refusal)
	}
}

// noteLocked reports whether that is new. A record that will never be taken is no failure
// of the engine.
func (w *Window) noteLocked(refusal *receiver.Refusal) (told bool) {
	if refusal != nil && !refusal.Retry {
		return false
	}
	told = (refusal == nil) != (w.failed == nil)
	w.failed = refusal
	return told
}

// Failed returns why the engine fails, nil if it works.
func (w *Window) Failed() *receiver.Refusal {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.failed
}
