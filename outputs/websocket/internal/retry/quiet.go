// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package retry

import (
	"context"
	"fmt"

	"github.com/elastic/beats/v7/libbeat/outputs"
	"github.com/elastic/beats/v7/libbeat/publisher"
	libtesting "github.com/elastic/elastic-agent-libs/testing"
)

// Quiet keeps libbeat from logging the same failure again and again. libbeat logs every
// error that Connect and Publish return, and a line or two before and after each
// Connect. So Quiet returns an error only if it is worth a line, and otherwise connects
// again by itself. The client inside waits between attempts.
//
// libbeat has no other way to be told that the output is closing: an error that ends
// Connect or Publish then is not returned, since it would be logged as a failure. What
// libbeat does with the worker after that is the same.
type Quiet struct {
	outputs.NetworkClient
	ctx     context.Context
	limiter *Limiter
}

// NewQuiet wraps a client. ctx is done when the output is closing.
func NewQuiet(ctx context.Context, inner outputs.NetworkClient, limiter *Limiter) *Quiet {
	return &Quiet{NetworkClient: inner, ctx: ctx, limiter: limiter}
}

// Connect connects. It returns nil, also when the output is closing, or an error that
// should be logged.
func (q *Quiet) Connect() error {
	for {
		err := q.NetworkClient.Connect()
		if err == nil || q.ctx.Err() != nil {
			return nil //nolint:nilerr // the output is closing
		}
		if err = q.worthALine(err); err != nil {
			return err
		}
	}
}

// Publish publishes. After an error that was logged before, it connects again.
func (q *Quiet) Publish(ctx context.Context, batch publisher.Batch) error {
	err := q.NetworkClient.Publish(ctx, batch)
	if err == nil || q.ctx.Err() != nil {
		return nil //nolint:nilerr // the output is closing
	}
	if err = q.worthALine(err); err != nil {
		return err
	}
	return q.Connect()
}

// worthALine returns the error with the number of its repetitions, or nil if it should
// not be logged.
func (q *Quiet) worthALine(err error) error {
	note, worth := q.limiter.Worth(err.Error())
	switch {
	case !worth:
		return nil
	case note == "":
		return err
	default:
		return fmt.Errorf("%w%s", err, note)
	}
}

// String names the client. libbeat logs a Connect without an error as an established
// connection, with this name.
func (q *Quiet) String() string {
	if q.ctx.Err() != nil {
		return q.NetworkClient.String() + " (closing)"
	}
	return q.NetworkClient.String()
}

// Test implements testing.Testable.
func (q *Quiet) Test(d libtesting.Driver) { testInner(q.NetworkClient, d) }

var (
	_ outputs.NetworkClient = (*Quiet)(nil)
	_ libtesting.Testable   = (*Quiet)(nil)
)
