// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"filebeat-websocket/receiver/budget"
	"filebeat-websocket/receiver/internal/group"
)

const (
	// DefaultMaxMemory is IntakeOptions.MaxMemory unless set: 512 MiB.
	DefaultMaxMemory = 512 << 20
	// DefaultMaxConnections is IntakeOptions.MaxConnections unless set.
	DefaultMaxConnections = 1024

	minMemory = 1 << 20
	// memoryPerMessage is for CheckMessageBytes.
	memoryPerMessage = 16
)

// IntakeOptions configure an Intake. All may be left out.
type IntakeOptions struct {
	// MaxMemory bounds the memory for all messages that arrive, are decoded, or wait
	// for Commit, of all listeners together, in bytes; 512 MiB unless set. What a
	// connection costs beside its messages is not in it. Package budget says what
	// happens when it is used up.
	MaxMemory int64

	// MaxConnections is how many clients there can be at once; 1024 unless set.
	MaxConnections int

	// Observers are told what happens on connections, in this order.
	Observers []Observer
}

func (o *IntakeOptions) complete() error {
	if o.MaxMemory < 0 || o.MaxConnections < 0 {
		return errors.New("options MaxMemory and MaxConnections can't be negative")
	}
	o.MaxMemory = cmp.Or(o.MaxMemory, DefaultMaxMemory)
	if o.MaxMemory < minMemory {
		return fmt.Errorf("option MaxMemory: %d is less than 1 MiB", o.MaxMemory)
	}
	o.MaxConnections = cmp.Or(o.MaxConnections, DefaultMaxConnections)
	return nil
}

// Intake is what the listeners of a receiver have in common, whatever they speak:
// a Sink, one Commit for what all of them have taken, the memory, the number of
// clients, and those who observe. A Handler is one such listener. Its methods may be
// called from any goroutine.
type Intake struct {
	sink     Sink
	options  IntakeOptions
	observed observers
	commits  *group.Committer
	memory   *budget.Budget

	mutex   sync.Mutex
	lastID  uint64
	clients map[*Client]struct{}
	leaving int // of clients
}

// ErrTooManyConnections is returned by Intake.Join if there is no place for another
// client.
var ErrTooManyConnections = errors.New("too many connections")

// NewIntake returns an Intake that hands records to sink, or an error that names
// the option at fault.
func NewIntake(sink Sink, options IntakeOptions) (*Intake, error) {
	if sink == nil {
		return nil, errors.New("receiver: a Sink is missing")
	}
	if err := options.complete(); err != nil {
		return nil, fmt.Errorf("receiver: %w", err)
	}
	in := &Intake{
		sink:     sink,
		options:  options,
		observed: options.Observers,
		memory:   budget.New(options.MaxMemory),
		clients:  map[*Client]struct{}{},
	}
	in.commits = group.New(sink.Commit, in.memory.MaxUncommitted(), in.waiters)
	return in, nil
}

// CheckMessageBytes returns an error if messages of that length do not fit into
// MaxMemory: three times as many bytes have to be there while its buffer grows, and a
// quarter of MaxMemory has to do for its records.
func (in *Intake) CheckMessageBytes(longest int64) error {
	if needed := memoryPerMessage * longest; needed > in.options.MaxMemory {
		return fmt.Errorf("option MaxMemory: %d bytes are less than 16 times the longest message, %d", in.options.MaxMemory, needed)
	}
	return nil
}

// Join takes a client in, until its Leave. ctx is of its Consume. It returns
// ErrTooManyConnections if there is no place.
func (in *Intake) Join(ctx context.Context, remoteAddr string) (*Client, error) {
	c, err := in.admit(ctx, remoteAddr)
	if err != nil {
		return nil, err
	}
	c.pending = group.NewPending(in.commits, c.lost)
	in.enlist(c, c.pending)
	in.observed.opened(c.peer)
	return c, nil
}

// JoinBriefly is Join for a client of one message, such as a request of HTTP: observers
// are told what is refused, but not that it comes and goes.
func (in *Intake) JoinBriefly(ctx context.Context, remoteAddr string) (*Client, error) {
	c, err := in.admit(ctx, remoteAddr)
	if err != nil {
		return nil, err
	}
	c.brief = true
	c.pending = group.NewPending(in.commits, c.lost)
	in.enlist(c, c.pending)
	return c, nil
}

// admit reserves a place. The client has no waiter yet.
func (in *Intake) admit(ctx context.Context, remoteAddr string) (*Client, error) {
	in.mutex.Lock()
	defer in.mutex.Unlock()
	if len(in.clients)-in.leaving >= in.options.MaxConnections {
		idle := in.oldestIdleLocked()
		if idle == nil {
			return nil, ErrTooManyConnections
		}
		idle.leaving = true
		in.leaving++
		idle.giveWay()
	}
	in.lastID++
	c := &Client{intake: in, lease: in.memory.Open(ctx), peer: Peer{ID: in.lastID, RemoteAddr: remoteAddr}}
	c.clock.Start()
	in.clients[c] = struct{}{}
	return c, nil
}

// enlist has w told of Commits that fail.
func (in *Intake) enlist(c *Client, w group.Waiter) {
	in.mutex.Lock()
	defer in.mutex.Unlock()
	c.waiter = w
}

// dismiss gives the place back.
func (in *Intake) dismiss(c *Client) {
	c.lease.Close()
	in.mutex.Lock()
	defer in.mutex.Unlock()
	delete(in.clients, c)
	if c.leaving {
		in.leaving--
	}
}

func (in *Intake) waiters() []group.Waiter {
	in.mutex.Lock()
	defer in.mutex.Unlock()
	list := make([]group.Waiter, 0, len(in.clients))
	for c := range in.clients {
		if c.waiter != nil {
			list = append(list, c.waiter)
		}
	}
	return list
}

// MemoryInUse returns how many bytes messages that arrive, are decoded or wait for
// Commit take.
func (in *Intake) MemoryInUse() int64 { return in.memory.InUse() + in.commits.Bytes() }

// Shutdown waits until no Commit runs and none is due, or until ctx ends, and ends
// the context of Commit. Call it when all listeners have ended, and before the Sink
// is closed.
func (in *Intake) Shutdown(ctx context.Context) {
	in.commits.WaitIdle(ctx)
	in.commits.GiveUp()
}
