// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
)

// modelStore loses what was not committed: it knows which messages are durable.
type modelStore struct {
	mutex   sync.Mutex
	random  *rand.Rand
	written map[[2]uint64]bool // connection and message
	durable map[[2]uint64]bool
}

func (s *modelStore) consume(_ context.Context, m *Message) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	switch s.random.IntN(10) {
	case 0:
		return &Refusal{Reason: "for good"}
	case 1:
		return &Refusal{Reason: "for now", Retry: true}
	}
	s.written[[2]uint64{m.Peer.ID, m.Number}] = true
	return nil
}

func (s *modelStore) commit(context.Context) error {
	s.mutex.Lock()
	covered := s.written
	s.written = map[[2]uint64]bool{}
	fails := s.random.IntN(4) == 0
	s.mutex.Unlock()
	if fails {
		return errors.New("no")
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for message := range covered {
		s.durable[message] = true
	}
	return nil
}

func (s *modelStore) isDurable(peer, message uint64) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.durable[[2]uint64{peer, message}]
}

// answers reads until every message and Ping of a connection has its answer.
func answers(ws *websocket.Conn, store *modelStore, peer, messages uint64) error {
	nacked := map[uint64]bool{}
	resolved := uint64(0)
	// A Pong comes after the answers to the messages before its Ping.
	ws.SetPongHandler(func(payload string) error {
		var before uint64
		if _, err := fmt.Sscan(payload, &before); err != nil {
			return err
		}
		for n := resolved + 1; n <= before; n++ {
			if !nacked[n] {
				return fmt.Errorf("message %d has no answer, but the Ping after %d has", n, before)
			}
		}
		if before == messages {
			return ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""), deadlineSoon())
		}
		return nil
	})
	for {
		_, text, err := ws.ReadMessage()
		if websocket.IsCloseError(err, 1000) {
			return nil
		}
		if err != nil {
			return err
		}
		said, err := protocol.ParseReply(text)
		switch {
		case err != nil:
			return err
		case said.Nack > 0 && (nacked[said.Nack] || said.Nack <= resolved):
			return fmt.Errorf("message %d was refused after it was answered", said.Nack)
		case said.Nack > 0:
			nacked[said.Nack] = true
		case said.Ack <= resolved || said.Ack > messages:
			return fmt.Errorf("ack of %d after that of %d", said.Ack, resolved)
		}
		for ; resolved < said.Ack; resolved++ {
			if n := resolved + 1; !nacked[n] && !store.isDurable(peer, n) {
				return fmt.Errorf("message %d was acked and is not durable", n)
			}
		}
	}
}

// TestEveryMessageIsAnsweredOnceAndAcksAreTrue runs many connections over a
// store that refuses and fails at random.
func TestEveryMessageIsAnsweredOnceAndAcksAreTrue(t *testing.T) {
	const connections, messages = 8, 3000
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	store := &modelStore{random: rand.New(rand.NewPCG(seed, 0)), written: map[[2]uint64]bool{}, durable: map[[2]uint64]bool{}}
	ids := make(chan uint64, connections)
	h, url := start(t, funcSink{store.consume, store.commit}, Options{Observers: []Observer{{Opened: func(c Peer) { ids <- c.ID }}}})
	h.intake.commits.MaxBytes = 20_000
	var running sync.WaitGroup
	errs := make(chan error, 2*connections)
	for range connections {
		dialer := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}}
		ws, res, err := dialer.DialContext(t.Context(), url, nil)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		defer ws.Close() //nolint:errcheck // both sides have closed it by then
		id := take(t, ids)
		running.Go(func() { errs <- answers(ws, store, id, messages) })
		running.Go(func() {
			for n := 1; n <= messages; n++ {
				err := ws.WriteMessage(websocket.TextMessage, []byte("{}"))
				if err == nil && (n%100 == 0 || n == messages) {
					err = ws.WriteControl(websocket.PingMessage, fmt.Append(nil, n), deadlineSoon())
				}
				if err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		})
	}
	for range 2 * connections {
		require.NoError(t, take(t, errs))
	}
	running.Wait()
}
