// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"filebeat-websocket/protocol"
	"filebeat-websocket/receiver"
)

// A Handler is one route of a server that has others, too. An ack means that the
// records are in the file and on disk.
func Example() {
	folder, err := os.MkdirTemp("", "records")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder) //nolint:errcheck // a temporary folder
	store, err := receiver.OpenStore(filepath.Join(folder, "records.ndjson"))
	if err != nil {
		log.Fatal(err)
	}
	ingest, err := receiver.New(receiver.Options{
		Consume: store.Consume,
		Commit:  store.Commit,
	})
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
	if err := store.Close(); err != nil {
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
	options := receiver.Options{
		Consume: func(ctx context.Context, b *receiver.Batch) error {
			for i, record := range b.Records {
				if err := publish(ctx, record); err != nil {
					left := make([]int, 0, len(b.Records))
					for ; i < len(b.Records); i++ {
						left = append(left, i)
					}
					return &receiver.Refusal{Reason: "busy", Retry: true, Records: left, Cause: err}
				}
			}
			return nil
		},
	}
	err := options.Consume(context.Background(), &receiver.Batch{Records: [][]byte{[]byte(`"quiet"`), []byte(`"busy"`), []byte(`"late"`)}})
	refusal := (*receiver.Refusal)(nil)
	if errors.As(err, &refusal) {
		fmt.Println(refusal, refusal.Records)
	}
	// Output:
	// busy: the queue is full [1 2]
}
