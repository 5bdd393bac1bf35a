// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/gorilla/websocket"
)

// bridge is a WebSocket server that passes everything on to a TCP server, and back. It
// cuts both directions at random bytes, and joins what comes in a row: messages of the
// server's answers begin and end anywhere.
type bridge struct {
	target string
	pipes  sync.WaitGroup
}

// mostCut is the maximum length of a piece of the answers. It holds several confirmations.
const mostCut = 100

// startBridge returns the URL of a bridge to the TCP server at that address.
func startBridge(t *testing.T, target string) string {
	t.Helper()
	b := &bridge{target: target}
	server := httptest.NewServer(b)
	t.Cleanup(func() {
		server.Close()
		b.pipes.Wait()
	})
	return "ws" + server.URL[len("http"):]
}

func (b *bridge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{}
	client, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // it has answered
	}
	b.pipes.Add(1)
	defer b.pipes.Done()
	defer func() { _ = client.Close() }()
	server, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", b.target)
	if err != nil {
		return // the server is down
	}
	var answers sync.WaitGroup
	answers.Go(func() {
		defer func() { _ = client.Close() }() // ends the loop below
		passAnswers(client, server)
	})
	defer answers.Wait()
	defer func() { _ = server.Close() }() // ends passAnswers
	for {
		_, message, err := client.ReadMessage()
		if err != nil {
			return
		}
		for len(message) > 0 {
			piece := message[:1+rand.IntN(min(len(message), 64<<10))]
			message = message[len(piece):]
			if _, err := server.Write(piece); err != nil {
				return
			}
		}
	}
}

// passAnswers passes on what the server writes, until one of both is gone.
func passAnswers(client *websocket.Conn, server net.Conn) {
	for {
		piece := make([]byte, 1+rand.IntN(mostCut))
		read, err := server.Read(piece)
		if err != nil || client.WriteMessage(websocket.BinaryMessage, piece[:read]) != nil {
			return
		}
	}
}
