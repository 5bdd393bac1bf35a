// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package retry

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/elastic/beats/v7/libbeat/outputs"
	"github.com/elastic/beats/v7/libbeat/publisher"
	libtesting "github.com/elastic/elastic-agent-libs/testing"
)

// ErrNotConnected is returned by Publish without a connection.
var ErrNotConnected = errors.New("not connected")

// Failover uses one of its clients at a time. When that fails, it connects the client
// whose wait ends first. libbeat's failover (outputs.NewFailoverClient) may pick a client
// that still has to wait although another one could connect at once, and its Close
// reads without a lock what Connect writes.
type Failover struct {
	clients []*Waiting
	active  int // index of the current one, -1 before the first Connect
}

// NewFailover returns a client that uses one of several clients at a time.
func NewFailover(clients []*Waiting) outputs.NetworkClient {
	if len(clients) == 1 {
		return clients[0]
	}
	return &Failover{clients: clients, active: -1}
}

// Connect connects the client whose wait ends first.
func (f *Failover) Connect() error {
	f.active = f.next(time.Now())
	return f.clients[f.active].Connect()
}

// next returns a random one of the clients that may try at once, or else the one whose
// wait ends first. That can be the active one: a healthy host that has closed its
// connection is back sooner than one that has refused the credentials. If several are
// due, the active one comes last.
func (f *Failover) next(now time.Time) int {
	best, bestDue := -1, time.Time{}
	consider := func(i int) {
		due := f.clients[i].due()
		if due.Before(now) {
			due = now
		}
		if best < 0 || due.Before(bestDue) {
			best, bestDue = i, due
		}
	}
	for _, i := range rand.Perm(len(f.clients)) {
		if i != f.active {
			consider(i)
		}
	}
	if f.active >= 0 {
		consider(f.active)
	}
	return best
}

// Publish publishes through the current client.
func (f *Failover) Publish(ctx context.Context, batch publisher.Batch) error {
	if f.active < 0 {
		batch.Cancelled()
		return ErrNotConnected
	}
	return f.clients[f.active].Publish(ctx, batch)
}

// Close closes every client.
func (f *Failover) Close() error {
	var first error
	for _, each := range f.clients {
		if err := each.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Test implements testing.Testable: it tests every client.
func (f *Failover) Test(d libtesting.Driver) {
	for _, each := range f.clients {
		testInner(each, d)
	}
}

func (f *Failover) String() string {
	names := make([]string, len(f.clients))
	for i, each := range f.clients {
		names[i] = each.String()
	}
	return "failover(" + strings.Join(names, ",") + ")"
}

var (
	_ outputs.NetworkClient = (*Failover)(nil)
	_ libtesting.Testable   = (*Failover)(nil)
)
