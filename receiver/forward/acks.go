// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"net"
	"sync"
	"time"

	"filebeat-websocket/protocol/forward"
	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/budget"
)

// maxOwedBytes is how many bytes of confirmations a client may leave unread before the
// server stops reading from it. It does so earlier if there is no memory for them.
const maxOwedBytes = 64 << 10

// acks are the confirmations of a connection, in the order of the Commits. The committer
// adds them, a goroutine of the connection writes them.
type acks struct {
	conn    net.Conn
	written func() // after each write

	mutex     sync.Mutex
	tab       budget.Tab // of owed, and of what is being written
	changed   *sync.Cond
	owed      []byte // to be written
	writing   bool
	unsettled int // requests whose Commit is to come
	failed    error
	closed    bool
}

func newAcks(conn net.Conn, tab budget.Tab, written func()) *acks {
	a := &acks{conn: conn, tab: tab, written: written}
	a.changed = sync.NewCond(&a.mutex)
	return a
}

// request is a request that the Sink was given. Its Commit may come before Consume has
// returned, and so before it is known whether all of its records were taken.
type request struct {
	acks           *acks
	chunks         []string // to be confirmed
	taken, settled bool     // Consume has returned, Commit has ended
	refused        bool     // at least in part, by Consume or Commit
}

// hold adds a request that the Sink is about to get.
func (a *acks) hold(chunks []string) *request {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.unsettled++
	return &request{acks: a, chunks: chunks}
}

// take notes the outcome of Consume; if nothing was taken, no Commit will follow.
func (r *request) take(outcome receiver.Outcome) {
	r.note(true, !outcome.Some(), outcome.Reason() != nil)
}

// settle notes the outcome of Commit.
func (r *request) settle(refused error) { r.note(false, true, refused != nil) }

func (r *request) note(taken, settled, refused bool) {
	a := r.acks
	a.mutex.Lock()
	defer a.mutex.Unlock()
	r.taken, r.settled, r.refused = r.taken || taken, r.settled || settled, r.refused || refused
	if !r.taken || !r.settled {
		return
	}
	a.unsettled--
	if !r.refused && a.failed == nil {
		before := len(a.owed)
		for _, chunk := range r.chunks {
			a.owed = forward.AppendAck(a.owed, chunk)
		}
		a.tab.Add(int64(len(a.owed) - before)) // it is short
	}
	a.changed.Broadcast()
}

// waitRoom waits while the client leaves too many confirmations unread. It returns the
// error of a write.
func (a *acks) waitRoom() error {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	for (len(a.owed) > maxOwedBytes || a.tab.Full()) && a.failed == nil {
		a.changed.Wait()
	}
	return a.failed
}

// finish waits until all requests have settled and their confirmations are written.
func (a *acks) finish() error {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	for a.unsettled > 0 || a.failed == nil && (len(a.owed) > 0 || a.writing) {
		a.changed.Wait()
	}
	a.closed = true
	a.tab.Close()
	a.changed.Broadcast()
	return a.failed
}

// writeLoop ends after finish.
func (a *acks) writeLoop() {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	var spare []byte
	for {
		for len(a.owed) == 0 && !a.closed {
			a.changed.Wait()
		}
		if len(a.owed) == 0 {
			return
		}
		due := a.owed
		a.owed, a.writing = spare[:0], true
		a.mutex.Unlock()
		err := a.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
		if err == nil {
			_, err = a.conn.Write(due)
		}
		if err == nil {
			a.written()
		}
		a.mutex.Lock()
		a.writing = false
		a.tab.Settle(int64(len(due)))
		if err != nil {
			a.tab.Settle(int64(len(a.owed)))
			a.failed, a.owed = err, nil
			_ = a.conn.Close() // so that the reader ends too
		}
		if spare = due; cap(spare) > 16<<10 {
			spare = nil // a burst must not keep its memory
		}
		a.changed.Broadcast()
	}
}
