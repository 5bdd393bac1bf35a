// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package forward_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"

	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/forward"
	"filebeat-websocket/receiver/sink/file"
)

// A program that takes what Fluentd and Fluent Bit send.
func Example() {
	intake, err := receiver.NewIntake(file.New(os.Stdout), receiver.IntakeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	server, err := forward.NewServer(intake, forward.Options{})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0") // 24224 as a rule
	if err != nil {
		log.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- server.Serve(listener) }()

	// A client sends ["app", 1612563429, {"message": "hello"}, {"chunk": "x"}], and gets
	// {"ack": "x"}.
	client, err := (&net.Dialer{}).DialContext(ctx, "tcp", listener.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	_, _ = client.Write([]byte("\x94\xA3app\xCE\x60\x1D\xC3\xE5\x81\xA7message\xA5hello\x81\xA5chunk\xA1x"))
	answer := make([]byte, 100)
	n, _ := client.Read(answer)
	fmt.Printf("%q\n", answer[:n])
	_ = client.Close()

	_ = server.Shutdown(ctx)
	fmt.Println(<-ended)
	intake.Shutdown(ctx)
	// Output:
	// {"@timestamp":"2021-02-05T22:17:09Z","tag":"app","message":"hello"}
	// "\x81\xa3ack\xa1x"
	// forward: server closed
}
