// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/outputs"

	"filebeat-websocket/testing/wstest"
)

// failing is a client whose Connect does what next says.
type failing struct {
	outputs.NetworkClient
	next func() error
}

func (f failing) Connect() error { return f.next() }

func TestARepeatedFailureIsReturnedOnceInAnInterval(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	refused := func(port string) error {
		return errors.New("read tcp 127.0.0.1:" + port + "->127.0.0.1:80: connection reset by peer")
	}
	times := 0
	q := quietly(failing{next: func() error {
		times++
		now = now.Add(10 * time.Second)
		switch times {
		case 3:
			return errors.New("another")
		case 20:
			return nil
		default:
			return refused(strconv.Itoa(40_000 + times))
		}
	}}, newLifecycle(time.Second))
	q.now = func() time.Time { return now }
	defer q.lifecycle.Close()

	require.EqualError(t, q.Connect(), refused("40001").Error())
	require.Equal(t, 1, times)
	require.EqualError(t, q.Connect(), "another")
	require.Equal(t, 3, times, "the second was as the first, but for the port of this side")
	require.EqualError(t, q.Connect(), refused("40007").Error()+" (4 more times since 12:00:10)")
	require.Equal(t, 7, times)
	require.EqualError(t, q.Connect(), refused("40013").Error()+" (5 more times since 12:01:10)")
	require.Error(t, q.Connect())
	require.NoError(t, q.Connect())
	require.Equal(t, 20, times)
}

func TestFailuresThatAreAllDifferentTakeNoMemory(t *testing.T) {
	q := quietly(failing{}, newLifecycle(time.Second))
	defer q.lifecycle.Close()
	for i := range 1000 {
		require.Error(t, q.worthALine(errors.New(time.Duration(i).String())))
		require.LessOrEqual(t, len(q.failures), keptFailures)
	}
}

func TestCloseEndsAConnectThatGoesOnTrying(t *testing.T) {
	server := wstest.Start(t)
	server.Kill()
	f := newFixture(t, ``, server)
	outer, ok := f.group.Clients[0].(*quietClient)
	require.True(t, ok)
	require.Error(t, outer.Connect())
	ended := make(chan error, 1)
	go func() { ended <- outer.Connect() }()
	require.NoError(t, outer.Close())
	select {
	case err := <-ended:
		require.Error(t, err)
	case <-time.After(10 * time.Second):
		require.FailNow(t, "Connect goes on")
	}
}
