// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"filebeat-websocket/protocol"
	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/access"
	"filebeat-websocket/receiver/sink/file"
)

// A Handler is one route of a server that has others, too. An ack means that the
// records are in the file and on disk.
func Example() {
	folder, err := os.MkdirTemp("", "records")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder) //nolint:errcheck // a temporary folder
	output, err := file.Open(filepath.Join(folder, "records.ndjson"))
	if err != nil {
		log.Fatal(err)
	}
	ingest, err := receiver.New(output, receiver.Options{})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/ingest", ingest)
	mux.HandleFunc("/hello", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "hello") })
	server := httptest.NewServer(mux) // or http.Server{Handler: mux}

	// A log shipper does this.
	dialer := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}}
	client, response, err := dialer.Dial("ws"+strings.TrimPrefix(server.URL, "http")+"/ingest", nil)
	if err != nil {
		log.Fatal(err)
	}
	_ = response.Body.Close()
	if err := client.WriteMessage(websocket.TextMessage, []byte("{\"message\":\"one\"}\n{\"message\":\"two\"}\n")); err != nil {
		log.Fatal(err)
	}
	_, ack, err := client.ReadMessage()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(ack))
	_ = client.Close()

	// Connections first, then the server, which does not know of them, then what
	// they write to.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := ingest.Shutdown(ctx); err != nil {
		log.Fatal(err)
	}
	server.Close()
	if err := output.Close(); err != nil {
		log.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(folder, "records.ndjson"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(content))
	// Output:
	// {"ack":1}
	// {"message":"one"}
	// {"message":"two"}
}

// Records can go anywhere. A Refusal says what is not wanted, for good or for
// now; any other error ends the connection.
func ExampleRefusal() {
	var errBusy = errors.New("the queue is full")
	publish := func(_ context.Context, record []byte) error {
		if strings.Contains(string(record), "busy") {
			return errBusy
		}
		return nil
	}
	sink := receiver.SinkFunc(func(ctx context.Context, m *receiver.Message) error {
		for i, record := range m.Records {
			if err := publish(ctx, record); err != nil {
				left := make([]int, 0, len(m.Records))
				for ; i < len(m.Records); i++ {
					left = append(left, i)
				}
				return &receiver.Refusal{Reason: "busy", Retry: true, Records: left, Cause: err}
			}
		}
		return nil
	})
	m := &receiver.Message{Records: [][]byte{[]byte(`"quiet"`), []byte(`"busy"`), []byte(`"late"`)}}
	if refusal, ok := errors.AsType[*receiver.Refusal](sink.Consume(context.Background(), m)); ok {
		fmt.Println(refusal, refusal.Records)
	}
	// Output:
	// busy: the queue is full [1 2]
}

// Records go to a queue of one's own: what it takes is acked, what it has no room
// for is refused and comes again. The server lets in who has a token, and ends
// without losing a confirmation.
func ExampleHandler() {
	queue := make(chan string, 2)
	// It is called from many connections at once; ctx ends when its one is cut.
	sink := receiver.SinkFunc(func(ctx context.Context, m *receiver.Message) error {
		for i, record := range m.Records {
			select {
			case queue <- string(record): // a copy: the message is used again
			case <-ctx.Done():
				return context.Cause(ctx)
			default:
				refusal := &receiver.Refusal{Reason: "the queue is full", Retry: true}
				for ; i < len(m.Records); i++ {
					refusal.Records = append(refusal.Records, i)
				}
				return refusal
			}
		}
		return nil
	})
	ingest, err := receiver.New(sink, receiver.Options{})
	if err != nil {
		log.Fatal(err)
	}
	tokenFile, err := os.CreateTemp("", "tokens")
	if err != nil {
		log.Fatal(err)
	}
	defer os.Remove(tokenFile.Name()) //nolint:errcheck // a temporary file
	if _, err := tokenFile.WriteString("open-sesame\n"); err != nil {
		log.Fatal(err)
	}
	tokens, err := access.OpenTokens(tokenFile.Name(), func(err error) { log.Print(err) })
	if err != nil {
		log.Fatal(err)
	}
	guard, err := access.NewGuard(access.GuardOptions{Valid: tokens.Valid})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/ingest", guard.Require(ingest))
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	// A log shipper does this.
	dialer := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}}
	client, response, err := dialer.Dial("ws://"+listener.Addr().String()+"/ingest", http.Header{"Authorization": {"Bearer open-sesame"}})
	if err != nil {
		log.Fatal(err)
	}
	_ = response.Body.Close()
	for _, message := range []string{`[{"n":1}]`, `[{"n":2},{"n":3},{"n":4}]`} {
		if err := client.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
			log.Fatal(err)
		}
		_, reply, err := client.ReadMessage()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(string(reply))
	}

	// In a program, when signal.NotifyContext's context ends: the Handler first.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- ingest.Shutdown(ctx) }()
	_, _, err = client.ReadMessage()
	fmt.Println(err)
	_ = client.Close()
	if err := errors.Join(<-stopped, server.Shutdown(ctx)); err != nil {
		log.Fatal(err)
	}
	fmt.Println(errors.Is(<-served, http.ErrServerClosed), <-queue, <-queue)
	// Output:
	// {"ack":1}
	// {"nack":2,"reason":"the queue is full","retry":true,"records":[1,2]}
	// websocket: close 1001 (going away): shutting down
	// true {"n":1} {"n":2}
}
