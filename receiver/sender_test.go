// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// repeats is a Sink that has had all records of a message before but one, and notes
// who sent them.
type repeats struct{ senders []string }

func (s *repeats) Consume(_ context.Context, m *Message) error {
	s.senders = append(s.senders, m.Peer.Sender)
	m.Duplicates = len(m.Records) - 1
	return nil
}

func (s *repeats) Commit(context.Context) error { return nil }

func TestASinkLearnsWhoSendsAndTellsHowMuchItHadBefore(t *testing.T) {
	t.Run("over WebSocket", func(t *testing.T) {
		s, ended := &repeats{}, make(chan End, 1)
		_, url := start(t, s, Options{
			Observers: []Observer{{Closed: func(_ Peer, end End) { ended <- end }}},
			Sender:    func(r *http.Request) string { return "sender of " + r.URL.Path },
		})
		c := dial(t, url+"/path")
		c.send(t, "{}", "{}{}{}")
		c.ping(t, "x")
		take(t, c.pongs)
		require.NoError(t, c.Close())
		require.Equal(t, []string{"sender of /path", "sender of /path"}, s.senders)
		end := take(t, ended)
		require.EqualValues(t, 4, end.Records)
		require.EqualValues(t, 2, end.Duplicates)
	})
	t.Run("by another listener", func(t *testing.T) {
		s, ended := &repeats{}, make(chan End, 1)
		in, err := NewIntake(s, IntakeOptions{Observers: []Observer{{Closed: func(_ Peer, end End) { ended <- end }}}})
		require.NoError(t, err)
		defer in.Shutdown(t.Context())
		c := join(t, in)
		c.Identify("someone")
		require.NoError(t, c.Store(t.Context(), messageWith("{}", "{}", "{}")).Reason())
		c.Leave(nil)
		require.Equal(t, []string{"someone"}, s.senders)
		end := take(t, ended)
		require.EqualValues(t, 3, end.Records)
		require.EqualValues(t, 2, end.Duplicates)
	})
}
