// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"context"
	"time"

	"github.com/elastic/beats/v7/libbeat/outputs"
	"github.com/elastic/beats/v7/libbeat/publisher"
	libtesting "github.com/elastic/elastic-agent-libs/testing"

	"filebeat-websocket/outputs/websocket/internal/session"
)

// prover is a client that knows whether a batch was confirmed.
type prover interface {
	outputs.NetworkClient
	// takeProof reports whether a batch was confirmed since it was last called.
	takeProof() bool
}

// backoffClient waits between attempts to connect. libbeat's wrapper resets its wait
// with every successful connect or write: if a server accepts connections and then
// dies, it never waits long. This one resets it with the first confirmed batch. It
// waits before an attempt instead of after a failure, so that a failover can try
// another host meanwhile.
//
// One goroutine calls Connect and Publish, another one calls Close.
type backoffClient struct {
	prover
	lifecycle *lifecycle
	settings  backoffConfig

	failures int       // since the last confirmed batch
	notUntil time.Time // when the next attempt may begin
}

func withBackoff(inner prover, settings backoffConfig, l *lifecycle) *backoffClient {
	return &backoffClient{prover: inner, lifecycle: l, settings: settings}
}

// Connect waits until an attempt is due and makes it. Close interrupts the wait.
func (b *backoffClient) Connect() error {
	if err := b.wait(); err != nil {
		return err
	}
	err := b.prover.Connect()
	if err != nil {
		b.failed(err)
	}
	return err
}

// Publish publishes. With an error, the wait for the next attempt begins.
func (b *backoffClient) Publish(ctx context.Context, batch publisher.Batch) error {
	err := b.prover.Publish(ctx, batch)
	if err != nil {
		b.failed(err)
	}
	return err
}

// due returns when the next attempt may begin.
func (b *backoffClient) due() time.Time { return b.notUntil }

func (b *backoffClient) wait() error {
	if b.lifecycle.closing() {
		return session.ErrClosed
	}
	wait := time.Until(b.notUntil)
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-b.lifecycle.ctx.Done():
		return session.ErrClosed
	}
}

func (b *backoffClient) failed(cause error) {
	if b.takeProof() {
		b.failures = 0
	}
	now := time.Now()
	p := classify(cause, now)
	b.notUntil = now.Add(p.waitFor(b.settings, b.failures))
	b.failures++
}

// Test implements testing.Testable.
func (b *backoffClient) Test(d libtesting.Driver) { testClient(b.prover, d) }

func (b *backoffClient) String() string { return "backoff(" + b.prover.String() + ")" }

var _ outputs.NetworkClient = (*backoffClient)(nil)
