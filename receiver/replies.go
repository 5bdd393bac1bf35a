// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"errors"
	"sync"
	"time"

	"filebeat-websocket/protocol"
	"filebeat-websocket/receiver/budget"
	"filebeat-websocket/receiver/internal/group"
)

// maxReplies is how many replies may wait, for Commit and for the client each,
// before a connection reads no more. One ack stands for any number of messages,
// so it takes a thousand nacks, Pongs or chunks of Fluent Forward to come so far.
const maxReplies = 1024

type replyKind int

const (
	replyAcked   replyKind = iota // messages first to last were taken
	replyRefused                  // messages first to last were refused
	replyPong
)

// reply is an answer that a client is waiting for.
type reply struct {
	kind        replyKind
	first, last uint64
	// refusal is why the messages were refused; of an acked reply, which is for a
	// single message then, the records of it that were.
	refusal *Refusal
	payload string // of a pong
	bytes   int64  // what the messages count for the committer
	// chunks are the ids of the Fluent Forward requests of an acked reply, each of
	// which is acked by itself.
	chunks []string
	cost   int64 // of memory until it is written
}

// costOf returns what a reply takes, about. An ack that stands for many messages is
// one of few.
func (r *replies) costOf(added *reply) (bytes int64) {
	const each = 128
	switch {
	case added.kind == replyPong:
		bytes = each + int64(len(added.payload))
	case added.refusal != nil && r.acks:
		// A record's index is a number, and then text.
		bytes = each + int64(len(added.refusal.Reason)) + 16*int64(len(added.refusal.Records))
	}
	for _, chunk := range added.chunks {
		bytes += 16 + int64(len(chunk))
	}
	return bytes
}

// reserveLocked takes memory for a reply, and reports whether there was enough.
func (r *replies) reserveLocked(added *reply) bool {
	added.cost = r.costOf(added)
	return r.tab.Add(added.cost)
}

// replies are the answers that a connection owes its client. The reader adds them, the
// committer settles them, replyLoop writes them; all of them lock.
//
// A reply goes from held (waits for a Commit that has not begun) over sealed
// (waits for the one under way) to out (waits to be written), and none overtakes
// another on the way. Nacks of whole messages go to out at once; so does a Pong with
// nothing in held and sealed before it.
type replies struct {
	acks    bool          // the client speaks filebeat.ack.v1
	wake    chan struct{} // holds a token while replyLoop has something to do
	commits *group.Committer

	mutex     sync.Mutex
	changed   *sync.Cond // what waitRoom and waitWritten wait for
	held      []reply
	sealed    []reply
	out       []reply
	chunks    int        // in all three of them
	tab       budget.Tab // of all three, and of what is being written
	leaving   int64      // the cost of what is being written
	writing   bool       // replyLoop writes what it took from out
	requested bool       // the committer has this connection on its list
	busy      bool       // the reader is in Consume, or waits for room
	since     time.Time  // when the client began to wait without a word
	refusals  uint64     // messages of which at least a record was refused
	late      lateRefusals
	over      error // why the connection ends, if it is not for the reader to say
	dead      bool  // nothing can be written any more
}

func newReplies(acks bool, intake *Intake) *replies {
	r := &replies{acks: acks, wake: make(chan struct{}, 1), commits: intake.commits, tab: intake.memory.Tab()}
	r.changed = sync.NewCond(&r.mutex)
	return r
}

// enter records that the reader may be busy for some time.
func (r *replies) enter() {
	if !r.acks {
		return
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.busy = true
	if len(r.held)+len(r.sealed) == 0 {
		r.since = time.Now()
	}
}

// leave ends what enter began.
func (r *replies) leave() {
	if !r.acks {
		return
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.busy = false
}

// add adds a reply that waits for no Commit, but for a Pong with messages before
// it that do. It reports whether the reader has to wait for room.
func (r *replies) add(added reply) (full bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if added.refusal != nil {
		r.refusals++
	}
	r.chunks += len(added.chunks)
	if !r.reserveLocked(&added) {
		r.endLocked(&closing{code: protocol.CloseTryAgainLater, reason: budget.ErrShort.Error()}, false)
		return true
	}
	if list := &r.out; added.kind == replyPong {
		if r.uncommittedLocked() {
			list = &r.held
		}
		*list = r.pongLocked(*list, added)
	} else {
		r.outLocked(added)
	}
	return r.fullLocked()
}

// hold adds a message that waits for Commit, or refuses it, with lost, if a
// Commit has failed since the one that was the last to when Consume was called.
// It reports whether the reader has to wait for room, here (full) or for all
// connections together (crowded).
func (r *replies) hold(added reply, since *group.Failure) (full, crowded bool, lost *Refusal) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if added.refusal != nil {
		r.refusals++
	}
	// Under r.mutex: either fail has not been here yet, or its failure is seen.
	if failure := r.commits.Failed(); failure != since {
		lost = refusalOf(failure.Err)
		added.chunks = nil
		r.failLocked(added, failure.Err, lost)
		return r.fullLocked(), false, lost
	}
	if !r.reserveLocked(&added) {
		// It was consumed, and comes again: it is never acked.
		r.endLocked(&closing{code: protocol.CloseTryAgainLater, reason: budget.ErrShort.Error()}, false)
		return true, false, nil
	}
	r.chunks += len(added.chunks)
	r.held = appendReply(r.held, added, false)
	return r.fullLocked(), r.commits.Hold(added.bytes), nil
}

// maxPongs is how many replies may wait before a Pong takes the place of the one before
// it: RFC 6455 5.5.3 lets a server answer the newest of several Pings. Each Pong costs a
// write, so that a flood of Pings would cost as many.
const maxPongs = 16

func (r *replies) pongLocked(list []reply, pong reply) []reply {
	if len(list) >= maxPongs {
		if last := &list[len(list)-1]; last.kind == replyPong {
			r.tab.Settle(last.cost)
			*last = pong
			return list
		}
	}
	return append(list, pong)
}

func (r *replies) uncommittedLocked() bool { return len(r.held)+len(r.sealed) > 0 }

func (r *replies) fullLocked() bool {
	return r.tab.Full() || len(r.out) >= maxReplies || len(r.held)+len(r.sealed) >= maxReplies || r.chunks >= maxReplies
}

func (r *replies) outLocked(added reply) {
	if r.acks || added.kind == replyPong || len(added.chunks) > 0 {
		r.out = appendReply(r.out, added, true)
	}
}

// appendReply makes one of neighbours that a single ack can tell. Only in out
// may there be messages between them: these were refused, and told so, before,
// and must not be refused again when a Commit fails. A chunk that waits for Commit stays
// alone, as its message may be refused late.
func appendReply(list []reply, added reply, gaps bool) []reply {
	if len(list) > 0 && added.kind == replyAcked && added.refusal == nil {
		last := &list[len(list)-1]
		if last.kind == replyAcked && last.refusal == nil && (gaps || last.last+1 == added.first && len(last.chunks)+len(added.chunks) == 0) {
			last.last = added.last
			last.bytes += added.bytes
			last.cost += added.cost
			last.chunks = append(last.chunks, added.chunks...)
			return list
		}
	}
	return append(list, added)
}

// due tells what the reader is to do before it waits for anything: have what is
// in out written, request a Commit, which it then must, or end.
func (r *replies) due() (write, commit bool, over error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	commit = len(r.held) > 0 && !r.requested
	r.requested = r.requested || commit
	return len(r.out) > 0, commit, r.over
}

// signal wakes replyLoop.
func (r *replies) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// seal marks what the next Commit covers.
func (r *replies) seal() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.sealed, r.held = r.held, nil
	r.requested = false
}

// settle moves what a Commit covered to out and returns its bytes; said is what was refused
// late, nil if nothing was.
func (r *replies) settle() (bytes int64, said *Refusal) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, settled := range r.sealed {
		bytes += settled.bytes
		if refused := r.settleLocked(settled); refused != nil {
			said = refused
		}
	}
	r.sealed = nil
	r.changed.Broadcast()
	return bytes, said
}

// fail makes nacks of all messages that wait for Commit, and returns their
// bytes; said is what they say, nil if there are none. A client without acks can
// only be told by the end of the connection: none of its Pongs since goes out.
func (r *replies) fail(err error) (bytes int64, said *Refusal) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, list := range [][]reply{r.sealed, r.held} {
		for _, owed := range list {
			bytes += owed.bytes
			r.chunks -= len(owed.chunks)
			owed.chunks = nil
			if owed.kind == replyAcked {
				said = refusalOf(err)
				r.failLocked(owed, err, said)
			} else if r.acks {
				r.outLocked(owed)
			}
		}
	}
	r.sealed, r.held, r.late = nil, nil, nil
	r.changed.Broadcast()
	return bytes, said
}

// failLocked refuses messages because of a Commit that failed with err.
func (r *replies) failLocked(owed reply, err error, said *Refusal) {
	r.refusals += owed.last - owed.first + 1
	if owed.refusal != nil {
		r.refusals-- // it was counted when its records were refused
	}
	owed.kind, owed.refusal, owed.bytes = replyRefused, said, 0
	r.outLocked(owed)
	if over := r.commitFailed(err); over != nil {
		r.endLocked(over, false)
	}
}

// commitFailed is why a failed Commit ends the connection, if it does.
func (r *replies) commitFailed(err error) error {
	if r.acks {
		return nil
	}
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		return &closing{code: protocol.CloseTryAgainLater, reason: refusal.Reason, cause: refusal.Cause}
	}
	return &closing{code: protocol.CloseInternalError, reason: "messages could not be stored", cause: err}
}

// end records why the connection ends; the first reason wins.
func (r *replies) end(err error, dead bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.endLocked(err, dead)
}

func (r *replies) endLocked(err error, dead bool) {
	if r.over == nil {
		r.over = err
	}
	r.dead = r.dead || dead
	r.changed.Broadcast()
}

// waitRoom blocks while the client is owed too much.
func (r *replies) waitRoom() error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for r.over == nil && r.fullLocked() {
		r.changed.Wait()
	}
	return r.over
}

// waitWritten blocks until everything that can be settled is, and written. It
// returns why the connection ends, if it is not for the reader to say.
func (r *replies) waitWritten() error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for !r.dead && (r.over == nil && r.uncommittedLocked() || len(r.out) > 0 || r.writing) {
		r.changed.Wait()
	}
	return r.over
}

// next takes what is to be written; wrote has to follow.
func (r *replies) next() []reply {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	list := r.out
	for i := range list {
		r.chunks -= len(list[i].chunks)
		r.leaving += list[i].cost
	}
	r.out, r.writing = nil, len(list) > 0
	return list
}

func (r *replies) wrote() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.writing = false
	r.tab.Settle(r.leaving)
	r.leaving = 0
	r.since = time.Now()
	r.changed.Broadcast()
}

// progressDue reports whether the client has waited that long without a word.
func (r *replies) progressDue(interval time.Duration) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return (r.busy || r.uncommittedLocked()) && time.Since(r.since) >= interval
}

// close drops what no Commit was requested for and returns its bytes, and how
// many messages were refused. What a Commit under way covers is settled by that.
func (r *replies) close() (bytes int64, refusals uint64) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, held := range r.held {
		bytes += held.bytes
	}
	r.held = nil
	// What is not written yet is written to nobody.
	r.tab.Close()
	return bytes, r.refusals
}
