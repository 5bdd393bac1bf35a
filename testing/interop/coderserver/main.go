// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"github.com/coder/websocket"
)

const library = "github.com/coder/websocket"

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: coderserver FILE PORT")
	}
	if err := serve(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func serve(path, port string) error {
	fmt.Println("version", libraryVersion())
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	// Ends half a line that a kill left behind.
	if _, err := file.WriteString("\n"); err != nil {
		return err
	}
	server := http.Server{
		Addr:              net.JoinHostPort("127.0.0.1", port),
		ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := receive(w, r, file); err != nil {
				log.Print(err)
			}
		}),
	}
	return server.ListenAndServe()
}

// receive stores the messages of one connection until it ends.
func receive(w http.ResponseWriter, r *http.Request, file *os.File) error {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols:    []string{"logs.v1"},
		CompressionMode: websocket.CompressionContextTakeover,
	})
	if err != nil {
		return err
	}
	defer func() { _ = conn.CloseNow() }() // it has ended already
	fmt.Println("connection", conn.Subprotocol())
	conn.SetReadLimit(1 << 20) // max_message_bytes; the library's own is 32 KiB
	for {
		_, message, err := conn.Read(r.Context())
		if err != nil {
			return err
		}
		if _, err := file.Write(append(message, '\n')); err != nil {
			return err
		}
	}
}

// libraryVersion returns the version that this program was linked with.
func libraryVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, module := range info.Deps {
		if module.Path == library {
			return module.Version
		}
	}
	return "unknown"
}
