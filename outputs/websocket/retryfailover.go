// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"context"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/elastic/beats/v7/libbeat/outputs"
	"github.com/elastic/beats/v7/libbeat/publisher"
	libtesting "github.com/elastic/elastic-agent-libs/testing"
)

// failover uses one of its clients at a time, and switches to a random other one
// when that fails. libbeat's failover (outputs.NewFailoverClient) may pick a client
// that still has to wait although another one could connect at once, and its Close
// reads without a lock what Connect writes.
//
// One goroutine calls Connect and Publish, another one calls Close.
type failover struct {
	clients []outputs.NetworkClient
	active  int // index of the current one, -1 before the first Connect
}

func newFailover(clients []outputs.NetworkClient) outputs.NetworkClient {
	if len(clients) == 1 {
		return clients[0]
	}
	return &failover{clients: clients, active: -1}
}

// Connect connects another client than the last one: one of those that may try at
// once, or else the one whose wait ends first.
func (f *failover) Connect() error {
	f.active = f.next(time.Now())
	return f.clients[f.active].Connect()
}

func (f *failover) next(now time.Time) int {
	best, bestDue := -1, time.Time{}
	for _, i := range rand.Perm(len(f.clients)) {
		if i == f.active {
			continue
		}
		due := now
		if waiter, ok := f.clients[i].(interface{ due() time.Time }); ok && waiter.due().After(now) {
			due = waiter.due()
		}
		if best < 0 || due.Before(bestDue) {
			best, bestDue = i, due
		}
	}
	return best
}

// Publish publishes through the current client.
func (f *failover) Publish(ctx context.Context, batch publisher.Batch) error {
	if f.active < 0 {
		batch.Cancelled()
		return errNotConnected
	}
	return f.clients[f.active].Publish(ctx, batch)
}

// Close closes every client.
func (f *failover) Close() error {
	var first error
	for _, each := range f.clients {
		if err := each.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Test implements testing.Testable: it tests every client.
func (f *failover) Test(d libtesting.Driver) {
	for _, each := range f.clients {
		testClient(each, d)
	}
}

func (f *failover) String() string {
	names := make([]string, len(f.clients))
	for i, each := range f.clients {
		names[i] = each.String()
	}
	return "failover(" + strings.Join(names, ",") + ")"
}

var _ outputs.NetworkClient = (*failover)(nil)
