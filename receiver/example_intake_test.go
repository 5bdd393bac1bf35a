// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver_test

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"

	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/decode"
	"filebeat-websocket/receiver/sink/file"
)

// serveLines takes a record of JSON a line, and says ok when it is on disk.
func serveLines(ctx context.Context, intake *receiver.Intake, json *decode.Decoder, conn net.Conn) {
	client, err := intake.Join(ctx, conn.RemoteAddr().String())
	if err != nil {
		_ = conn.Close()
		return
	}
	// It ends with ctx, or because there is too little memory.
	stop := context.AfterFunc(client.Context(), func() { _ = conn.Close() })
	defer stop()
	lines := bufio.NewScanner(conn) // of 64 KiB at most
	for err == nil && lines.Scan() {
		line := lines.Bytes()
		client.Begin()
		err = client.Decode(json, line, false, func(list *decode.Records, problem error) error {
			if problem != nil {
				client.Refused(&receiver.Refusal{Reason: problem.Error()})
				return problem
			}
			m := receiver.Message{Bytes: len(line), Format: list.Format(), Records: list.Finish()}
			if outcome := client.Store(ctx, &m); !outcome.Some() {
				return fmt.Errorf("not stored: %w", outcome.Reason())
			}
			_, err := fmt.Fprintln(conn, "ok")
			client.Confirmed()
			return err
		})
	}
	_ = conn.Close()
	client.Leave(err)
}

// A listener of another kind shares the output, its Commit, the memory and the
// observers with a Handler.
func ExampleIntake() {
	output := file.New(os.Stdout)
	intake, err := receiver.NewIntake(output, receiver.IntakeOptions{MaxMemory: 64 << 20})
	if err != nil {
		log.Fatal(err)
	}
	overWebSocket, err := receiver.NewHandler(intake, receiver.Options{})
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(http.StripPrefix("/ingest", overWebSocket))
	defer server.Close()
	json, err := decode.New("json", decode.Options{})
	if err != nil {
		log.Fatal(err)
	}

	client, conn := net.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		serveLines(context.Background(), intake, json, conn)
	}()
	_, _ = fmt.Fprintln(client, `{"message":"hello"}`)
	answer, _ := bufio.NewReader(client).ReadString('\n')
	fmt.Print(answer)
	_ = client.Close()
	<-ended

	// Listeners first, then what they have in common, then the output.
	ctx := context.Background()
	_ = overWebSocket.Shutdown(ctx)
	intake.Shutdown(ctx)
	// Output:
	// {"message":"hello"}
	// ok
}
