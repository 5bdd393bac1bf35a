// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"filebeat-websocket/protocol"
)

// inFlight is how many messages a connection has in flight. The output sends a batch
// as one message, and by default has two in flight on each connection.
const inFlight = 4

// client is one connection.
type client struct {
	ws      *websocket.Conn
	message *template
	nextID  *atomic.Uint64 // of all clients
	acked   []time.Duration
	records int
	last    time.Time // of the last ack
}

func dial(ctx context.Context, url string, message *template, nextID *atomic.Uint64) (*client, error) {
	dialer := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}, ReadBufferSize: 1 << 10, WriteBufferSize: 1 << 10}
	ws, response, err := dialer.DialContext(ctx, url, nil)
	if err != nil {
		return nil, err
	}
	return &client{ws: ws, message: message, nextID: nextID}, response.Body.Close()
}

// run sends until ctx ends and returns when everything is acked.
func (c *client) run(ctx context.Context) error {
	began := make(chan time.Time, inFlight) // when each message in flight was written
	room := make(chan struct{}, inFlight)
	sent := make(chan error, 1)
	go func() {
		defer close(began)
		for ctx.Err() == nil {
			select {
			case room <- struct{}{}:
			case <-ctx.Done():
				sent <- nil
				return
			}
			if len(c.message.ids) > 0 {
				c.message.number(c.nextID.Add(uint64(c.message.records)) - uint64(c.message.records))
			}
			began <- time.Now()
			if _, err := c.ws.NetConn().Write(c.message.frame); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	err := c.readAcks(began, room)
	_ = c.ws.Close() // ends the writer, if an error has not
	for range began {
		<-room
	}
	if failed := <-sent; err == nil {
		err = failed
	}
	return err
}

func (c *client) readAcks(began <-chan time.Time, room <-chan struct{}) error {
	acked := uint64(0)
	for written := range began {
		for uint64(len(c.acked)) >= acked {
			_, text, err := c.ws.ReadMessage()
			if err != nil {
				return err
			}
			reply, err := protocol.ParseReply(text)
			if err != nil {
				return err
			}
			if reply.Nack > 0 {
				return fmt.Errorf("message %d was refused: %s", reply.Nack, reply.Reason)
			}
			acked = max(acked, reply.Ack)
			c.last = time.Now()
		}
		c.acked = append(c.acked, time.Since(written))
		c.records += c.message.records
		<-room
	}
	return nil
}
