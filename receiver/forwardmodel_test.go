// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/gorilla/websocket"

	"filebeat-websocket/protocol/forward"
)

// chunkStore knows which chunks are durable. Every fifth Commit loses what it was
// to make so.
type chunkStore struct {
	mutex   sync.Mutex
	written []string
	durable map[string]bool
	commits int
}

func newChunkStore() *chunkStore { return &chunkStore{durable: map[string]bool{}} }

func (s *chunkStore) consume(_ context.Context, m *Message) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.written = append(s.written, m.Chunks...)
	return nil
}

func (s *chunkStore) commit(context.Context) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.commits++
	covered := s.written
	s.written = nil
	if s.commits%5 == 0 {
		return errors.New("no")
	}
	for _, chunk := range covered {
		s.durable[chunk] = true
	}
	return nil
}

func (s *chunkStore) isDurable(chunk string) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.durable[chunk]
}

// sendChunks is a client that sends its chunks until all are acked, on as many
// connections as it takes.
func sendChunks(ctx context.Context, url string, store *chunkStore, sender, count int) error {
	open := map[string]bool{}
	for i := range count {
		open[fmt.Sprintf("%d/%d", sender, i)] = true
	}
	for len(open) > 0 {
		if err := sendOpenChunks(ctx, url, store, open); err != nil {
			return err
		}
	}
	return nil
}

// sendOpenChunks sends a few and waits for their acks, until the connection ends.
func sendOpenChunks(ctx context.Context, url string, store *chunkStore, open map[string]bool) error {
	ws, res, err := websocket.DefaultDialer.DialContext(ctx, url, nil)
	if err != nil {
		return err
	}
	defer ws.Close() //nolint:errcheck // the acks are what counts
	if err := res.Body.Close(); err != nil {
		return err
	}
	for len(open) > 0 {
		sent := 0
		for chunk := range open {
			if sent++; sent > 8 {
				sent--
				break
			}
			if ws.WriteMessage(websocket.BinaryMessage, []byte(chunked(chunk))) != nil {
				return nil // the connection has ended, and another one is made
			}
		}
		for range sent {
			_, message, err := ws.ReadMessage()
			if err != nil {
				return nil
			}
			chunk, err := forward.ParseAck(message)
			switch {
			case err != nil:
				return err
			case !open[chunk]:
				return fmt.Errorf("chunk %s was acked twice", chunk)
			case !store.isDurable(chunk):
				return fmt.Errorf("chunk %s was acked and is not durable", chunk)
			}
			delete(open, chunk)
		}
	}
	return nil
}
