// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package post_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/post"
	"filebeat-websocket/receiver/sink/file"
)

// Records that come with POST go to standard output.
func Example() {
	intake, err := receiver.NewIntake(file.New(os.Stdout), receiver.IntakeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	handler, err := post.New(intake, post.Options{})
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()

	res, err := http.Post(server.URL, "application/x-ndjson", strings.NewReader("{\"n\":1}\n{\"n\":2}\n")) //nolint:noctx // an example is to be short
	if err != nil {
		log.Fatal(err)
	}
	_ = res.Body.Close()
	fmt.Println(res.Status)

	// Listeners first, then what they have in common, then the output.
	ctx := context.Background()
	_ = handler.Shutdown(ctx)
	intake.Shutdown(ctx)
	// Output:
	// {"n":1}
	// {"n":2}
	// 204 No Content
}
