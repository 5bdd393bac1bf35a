// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"filebeat-websocket/protocol"
)

// goodAgent is the agent.id of Good clients.
const goodAgent = "good"

const (
	goodTimeout = 10 * time.Second
	// retryPause is how long a Good client waits after a failure: less than receivers
	// ask for, because it measures when it could get in.
	retryPause = 100 * time.Millisecond
)

// Good is a client of filebeat.ack.v1, or of Fluent Forward, that does no harm: it sends
// numbered lines, one after the other, and each again until it is acked.
type Good struct {
	// Name is in its lines, each of which has "NAME seq=NUMBER ".
	Name   string
	Target Target
	// Fresh has it open a connection for each line.
	Fresh bool
	// Pause is the time between two lines.
	Pause time.Duration

	link link // of the goroutine of Run

	mutex sync.Mutex // held while a line is under way
	waits Waits      // since the last Take
}

// Run sends until ctx ends, and returns how many lines it sent, all of which were
// acked. An error is about a line that could not be sent.
func (g *Good) Run(ctx context.Context) (lines int, err error) {
	defer g.close()
	for pause(ctx, g.Pause) {
		// What was begun is brought to its end.
		if err := g.line(context.WithoutCancel(ctx), lines+1); err != nil {
			return lines, fmt.Errorf("line %d of client %s: %w", lines+1, g.Name, err)
		}
		lines++
	}
	return lines, nil
}

// line sends a line until it is acked.
func (g *Good) line(ctx context.Context, number int) error {
	const giveUp = 6 * goodTimeout
	g.mutex.Lock()
	defer g.mutex.Unlock()
	begin := time.Now()
	for {
		err := g.try(ctx, number)
		waited := time.Since(begin)
		if err == nil {
			g.waits = append(g.waits, waited)
			return nil
		}
		g.close()
		if waited > giveUp {
			return err
		}
		pause(ctx, retryPause)
	}
}

func (g *Good) try(ctx context.Context, number int) (err error) {
	deadline := time.Now().Add(goodTimeout)
	if g.link == nil {
		if g.link, err = g.dial(ctx, deadline); err != nil {
			return err
		}
	}
	if err := g.link.confirm(number, fmt.Sprintf("%s seq=%d ", g.Name, number), deadline); err != nil {
		return err
	}
	if g.Fresh {
		g.close()
	}
	return nil
}

func (g *Good) dial(ctx context.Context, deadline time.Time) (link, error) {
	if g.Target.Kind == Forward {
		return dialForward(ctx, g.Target, deadline)
	}
	return dialWebSocket(ctx, g.Target)
}

func (g *Good) close() {
	if g.link != nil {
		_ = g.link.Close() // all is acked, or has failed
		g.link = nil
	}
}

// link is a connection of a Good client.
type link interface {
	// confirm sends a line and waits until it is acked.
	confirm(number int, line string, deadline time.Time) error
	Close() error
}

type webSocketLink struct{ *websocket.Conn }

func dialWebSocket(ctx context.Context, target Target) (link, error) {
	header := http.Header{}
	if target.Token != "" {
		header.Set("Authorization", "Bearer "+target.Token)
	}
	dialer := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}, HandshakeTimeout: goodTimeout}
	ws, response, err := dialer.DialContext(ctx, "ws://"+target.Address+target.Path, header)
	if response != nil {
		_ = response.Body.Close()
	}
	if err != nil {
		return nil, err
	}
	return webSocketLink{ws}, nil
}

func (l webSocketLink) confirm(number int, line string, deadline time.Time) error {
	_ = l.SetReadDeadline(deadline)  // what follows would fail, too
	_ = l.SetWriteDeadline(deadline) // likewise
	message := fmt.Appendf(nil, `{"@metadata":{"_id":"%d"},"agent":{"id":%q},"message":%q}`, number, goodAgent, line)
	if err := l.WriteMessage(websocket.TextMessage, message); err != nil {
		return err
	}
	for {
		_, text, err := l.ReadMessage()
		if err != nil {
			return err
		}
		switch reply, err := protocol.ParseReply(text); {
		case err != nil:
			return err
		case reply.Nack > 0:
			return fmt.Errorf("refused: %s", reply.Reason)
		case reply.Ack > 0:
			return nil
		}
	}
}

// Take waits for the line under way, and returns how long lines waited for their acks
// since the last Take, from the first attempt on.
func (g *Good) Take() Waits {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	waits := g.waits
	g.waits = nil
	return waits
}

// Waits are times in no particular order.
type Waits []time.Duration

// P99 returns the time that all but one of a hundred are within, or 0 if there are none.
func (w Waits) P99() time.Duration {
	if len(w) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(w))
	return sorted[(len(sorted)*99-1)/100]
}

// Longest returns the longest of them, or 0 if there are none.
func (w Waits) Longest() time.Duration {
	return slices.Max(append(w, 0))
}
