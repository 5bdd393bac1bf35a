// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package budget

import "context"

// Work is memory in which a message is decoded and consumed. Meanwhile the Lease
// is not evicted. A Lease has one at a time.
type Work struct {
	lease *Lease
	share *share
	bytes int64
}

// Quick waits for bytes in the lane of messages that need little: it grants a
// quarter of the lane at most. It returns the cause for which the Lease's context
// ended.
func (l *Lease) Quick(bytes int64) (*Work, error) {
	return l.begin(&l.budget.quick, min(bytes, l.budget.quick.max/4))
}

// Heavy waits for bytes in the lane of messages that need much: it grants all of
// the lane at most. The caller holds no other Work.
func (l *Lease) Heavy(bytes int64) (*Work, error) {
	return l.begin(&l.budget.heavy, min(bytes, l.budget.heavy.max))
}

// begin returns the Lease's only Work.
func (l *Lease) begin(from *share, bytes int64) (*Work, error) {
	if err := context.Cause(l.ctx); err != nil {
		return nil, err
	}
	if err := from.take(l.ctx, bytes); err != nil {
		return nil, err
	}
	if !l.state.CompareAndSwap(leaseEvictable, leasePinned) {
		from.give(bytes)
		return nil, ErrShort
	}
	l.work = Work{lease: l, share: from, bytes: bytes}
	return &l.work, nil
}

// Bytes returns how many were granted.
func (w *Work) Bytes() int64 { return w.bytes }

// Trim gives back what is more than bytes.
func (w *Work) Trim(bytes int64) {
	if bytes < w.bytes {
		w.share.give(w.bytes - bytes)
		w.bytes = bytes
	}
}

// Close gives all back.
func (w *Work) Close() {
	w.lease.state.CompareAndSwap(leasePinned, leaseEvictable)
	w.share.give(w.bytes)
}
