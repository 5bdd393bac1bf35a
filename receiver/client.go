// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"filebeat-websocket/receiver/budget"
	"filebeat-websocket/receiver/decode"
	"filebeat-websocket/receiver/internal/group"
	"filebeat-websocket/receiver/internal/idle"
)

// Client is one client of an Intake: a connection of a listener. Its methods are
// called from one goroutine.
//
// A message goes this way: Buffer holds it while it arrives, Decode makes records of
// it, Take or Store hands them on.
type Client struct {
	intake  *Intake
	peer    Peer
	lease   *budget.Lease
	waiter  group.Waiter // under intake.mutex, as is leaving
	leaving bool         // it gave its place to another one
	clock   idle.Clock
	giveWay func() // nil if it keeps its place; under intake.mutex, as is what follows
	// giveWayAfter is how long no message must have come for that.
	giveWayAfter time.Duration
	pending      *group.Pending // nil with a waiter of another kind
	brief        bool           // observers do not see it come and go
	number       uint64         // of the newest message
	end          End
	refused      atomic.Uint64 // messages that a Commit lost
}

// Peer returns who the client is.
func (c *Client) Peer() Peer { return c.peer }

// Identify says who the client is, for Peer.Sender, as soon as that is known and before
// its first message.
func (c *Client) Identify(sender string) { c.peer.Sender = sender }

// Context returns a context that ends when the client has to go: with the context
// of Join, or with budget.ErrShort as its cause, when there is too little memory and
// this client has cost most. Whoever reads from the client has to stop then.
func (c *Client) Context() context.Context { return c.lease.Context() }

// GivesWay has leave called, once, if another client needs the place, the listener waits
// for bytes (Waits), and no message has come for that long. leave must not block.
func (c *Client) GivesWay(after time.Duration, leave func()) {
	c.intake.mutex.Lock()
	defer c.intake.mutex.Unlock()
	c.giveWay, c.giveWayAfter = leave, after
}

// Waits notes that the listener waits for bytes of the client.
func (c *Client) Waits() { c.clock.Wait() }

// Heard notes that it has some.
func (c *Client) Heard() { c.clock.Heard() }

// Buffer returns a Buffer for messages of the client, which counts in the Intake's
// memory. It is given back with its Free, and by Leave.
func (c *Client) Buffer() *budget.Buffer { return c.lease.Buffer() }

// Tab returns the memory of what the client is owed. It is given back with its Close.
func (c *Client) Tab() budget.Tab { return c.intake.memory.Tab() }

// Reserve waits for memory that the listener itself takes for the message that arrives,
// such as to inflate it. It is given back by Leave. Reserve returns the cause for which
// the client's context ended.
func (c *Client) Reserve(bytes int64) error { return c.lease.Grow(bytes) }

// Begin notes that a message begins: who holds memory for longest has to go first.
func (c *Client) Begin() { c.lease.Begin() }

// listPool has lists of records that are not longer than pooledListBytes.
var listPool = sync.Pool{New: func() any { return new(decode.Records) }}

const (
	pooledListBytes = 256 << 10
	// quickFactor is how much more the records of a usual message take than itself.
	quickFactor = 4
)

// Decode decodes a message, in memory of the Intake's, for which it waits, and calls
// use with the records, or with the error of the Decoder. What use is given is valid
// until it returns. Decode returns the error of use, or the cause for which the
// client's context ended.
func (c *Client) Decode(d *decode.Decoder, data []byte, binary bool, use func(*decode.Records, error) error) error {
	quick, err := c.lease.Quick(pooledListBytes + quickFactor*int64(len(data)))
	if err != nil {
		return err
	}
	list, _ := listPool.Get().(*decode.Records)
	if list.Memory() > quick.Bytes() {
		list = new(decode.Records)
	}
	list.Limit(quick.Bytes(), true)
	problem := d.Decode(data, binary, list)
	if !errors.Is(problem, decode.ErrMemory) {
		return useRecords(quick, list, problem, use)
	}
	// It is an unusual one. All is given back before anything else is waited for.
	quick.Close()
	heavy, err := c.lease.Heavy(d.MaxMemory())
	if err != nil {
		return err
	}
	list = new(decode.Records)
	list.Limit(heavy.Bytes(), false)
	return useRecords(heavy, list, d.Decode(data, binary, list), use)
}

// useRecords keeps as much of work as the list really needs while use runs.
func useRecords(work *budget.Work, list *decode.Records, problem error, use func(*decode.Records, error) error) error {
	defer work.Close()
	if list.Memory() <= pooledListBytes {
		defer listPool.Put(list)
	}
	work.Trim(list.Memory())
	return use(list, problem)
}

// Take hands m, of which it sets Peer and Number, to the Sink, and asks for a
// Commit. Unless nothing was taken (Outcome.Some), settled is called once, with nil
// when the message is durable, or a Refusal of it or of some of its records. It is called
// from another goroutine as a rule, may be called before Take returns, and must not
// block. Take waits while too much is uncommitted.
func (c *Client) Take(ctx context.Context, m *Message, settled func(error)) Outcome {
	c.number++
	c.clock.Complete()
	m.Peer, m.Number, m.Late = c.peer, c.number, c
	since := c.intake.commits.Failed()
	outcome := Taken(c.intake.sink.Consume(ctx, m), len(m.Records))
	if outcome.Refusal != nil {
		c.Refused(outcome.Refusal)
	}
	if !outcome.Some() {
		return outcome
	}
	c.end.Messages++
	c.end.Records += uint64(outcome.Count)
	c.end.Duplicates += uint64(m.Duplicates)
	c.end.Bytes += uint64(m.Bytes)
	if c.pending.Hold(group.Settlement{Number: c.number, Bytes: int64(m.Bytes) + group.MessageBytes, Settled: settled}, since) {
		c.intake.commits.WaitRoom(ctx)
	}
	return outcome
}

// Store is Take, and waits until what was taken is durable. If that fails, the
// Outcome is a Refusal of all of the message.
func (c *Client) Store(ctx context.Context, m *Message) Outcome {
	done := make(chan error, 1)
	outcome := c.Take(ctx, m, func(err error) { done <- err })
	if !outcome.Some() {
		return outcome
	}
	select {
	case err := <-done:
		if late, ok := errors.AsType[*Refusal](err); ok {
			return Taken(outcome.Refusal.and(late), len(m.Records))
		}
		return outcome
	case <-ctx.Done():
		return Outcome{Err: context.Cause(ctx)}
	}
}

// Refused tells the observers of a message, or some of its records, that the
// listener refuses itself, because it can't be decoded for one.
func (c *Client) Refused(refusal *Refusal) {
	c.end.Refused++
	c.intake.observed.refused(c.peer, refusal)
}

// Confirmed tells the observers that confirmations were written to the client. It
// may be called from another goroutine.
func (c *Client) Confirmed() { c.intake.observed.confirmed(c.peer) }

// Leave is the end of the client. cause is why; nil if the client closed the connection. What was
// taken is settled all the same.
func (c *Client) Leave(cause error) {
	c.intake.dismiss(c)
	c.end.Cause = cause
	c.end.Refused += c.refused.Load()
	if !c.brief {
		c.intake.observed.closed(c.peer, c.end)
	}
}
