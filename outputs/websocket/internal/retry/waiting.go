// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package retry

import (
	"context"
	"time"

	"github.com/elastic/beats/v7/libbeat/outputs"
	"github.com/elastic/beats/v7/libbeat/publisher"
	libtesting "github.com/elastic/elastic-agent-libs/testing"
)

// Prover is a client that knows whether a batch was confirmed.
type Prover interface {
	outputs.NetworkClient
	// TakeProof reports whether a batch was confirmed since it was last called.
	TakeProof() bool
}

// Waiting waits between attempts to connect. libbeat's wrapper resets its wait with
// every successful connect or write: if a server accepts connections and then dies, it
// never waits long. This one resets it with the first confirmed batch. It waits before
// an attempt instead of after a failure, so that a failover can try another host
// meanwhile.
type Waiting struct {
	Prover
	ctx     context.Context
	backoff Backoff

	failures int       // since the last confirmed batch
	notUntil time.Time // when the next attempt may begin
}

// NewWaiting wraps a client. When ctx is done, waits end with its cause.
func NewWaiting(ctx context.Context, inner Prover, backoff Backoff) *Waiting {
	return &Waiting{Prover: inner, ctx: ctx, backoff: backoff}
}

// Connect waits until an attempt is due and makes it.
func (w *Waiting) Connect() error {
	if err := w.wait(); err != nil {
		return err
	}
	err := w.Prover.Connect()
	if err != nil {
		w.failed(err)
	}
	return err
}

// Publish publishes. With an error, the wait for the next attempt begins.
func (w *Waiting) Publish(ctx context.Context, batch publisher.Batch) error {
	err := w.Prover.Publish(ctx, batch)
	if err != nil {
		w.failed(err)
	}
	return err
}

// due returns when the next attempt may begin.
func (w *Waiting) due() time.Time { return w.notUntil }

func (w *Waiting) wait() error {
	if w.ctx.Err() != nil {
		return context.Cause(w.ctx)
	}
	wait := time.Until(w.notUntil)
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-w.ctx.Done():
		return context.Cause(w.ctx)
	}
}

func (w *Waiting) failed(cause error) {
	if w.TakeProof() {
		w.failures = 0
	}
	now := time.Now()
	patience := After(cause, now)
	w.notUntil = now.Add(patience.Wait(w.backoff, w.failures))
	w.failures++
}

// Test implements testing.Testable.
func (w *Waiting) Test(d libtesting.Driver) { testInner(w.Prover, d) }

// testInner tests a wrapped client.
func testInner(inner outputs.NetworkClient, d libtesting.Driver) {
	if testable, ok := inner.(libtesting.Testable); ok {
		testable.Test(d)
	}
}

var (
	_ outputs.NetworkClient = (*Waiting)(nil)
	_ libtesting.Testable   = (*Waiting)(nil)
)
