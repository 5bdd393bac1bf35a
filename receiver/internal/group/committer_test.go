// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package group

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// holder holds bytes until they are settled or refused.
type holder struct {
	sealed bool
	bytes  int64
	err    error
}

func (h *holder) Seal() { h.sealed = true }

func (h *holder) Settle() (bytes int64) {
	bytes, h.bytes = h.bytes, 0
	return bytes
}

func (h *holder) Fail(err error) (bytes int64) {
	h.err = err
	return h.Settle()
}

func TestOneCommitCoversAllThatWait(t *testing.T) {
	begun, result := make(chan struct{}), make(chan error)
	g := New(func(context.Context) error {
		begun <- struct{}{}
		return <-result
	}, 15, nil)
	first, second, third := &holder{bytes: 10}, &holder{bytes: 20}, &holder{bytes: 30}
	require.False(t, g.Hold(10))
	g.Request(first)
	<-begun
	require.True(t, g.Hold(20))
	require.True(t, g.Hold(30))
	g.Request(second)
	g.Request(third)
	require.False(t, second.sealed, "its Commit has not begun")
	result <- nil
	<-begun
	require.True(t, second.sealed && third.sealed, "in one Commit")
	require.Equal(t, int64(50), g.Bytes())
	result <- nil
	g.WaitRoom(t.Context())
	g.WaitIdle(t.Context())
	require.Zero(t, g.Bytes())
	require.Nil(t, g.Failed())
}

func TestAFailedCommitRefusesWhatIsHeldByAnyone(t *testing.T) {
	broken := errors.New("broken")
	asking, other := &holder{bytes: 1}, &holder{bytes: 2}
	g := New(func(context.Context) error { return broken }, 100, func() []Waiter { return []Waiter{asking, other} })
	g.Hold(3)
	g.Request(asking)
	g.WaitIdle(t.Context())
	require.Equal(t, broken, asking.err)
	require.Equal(t, broken, other.err)
	require.Equal(t, broken, g.Failed().Err)
	require.Zero(t, g.Bytes())
}

func TestGivingUpEndsCommit(t *testing.T) {
	g := New(func(ctx context.Context) error {
		<-ctx.Done()
		return context.Cause(ctx)
	}, 100, func() []Waiter { return nil })
	h := new(holder)
	g.Request(h)
	g.GiveUp()
	g.WaitIdle(t.Context())
	require.ErrorIs(t, h.err, context.Canceled)
}
