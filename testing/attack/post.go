// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"slices"
)

// onPOST returns what clients can do with the bodies of requests.
func onPOST() []Attack {
	both := []Kind{HTTP, WebSocket}
	bomb := zipped(make([]byte, 64<<20))
	tiny := bytes.Repeat([]byte("{}\n"), longest/3)
	return []Attack{
		{Name: "sends a POST that inflates without end", Kinds: both, Clients: 32, connect: func(c *client) {
			c.again(c.post(len(bomb), bomb, "Content-Encoding: gzip"))
		}},
		{Name: "begins many long POSTs and stops", Kinds: both, Clients: 256, connect: func(c *client) {
			if c.send(c.post(2*longest, tiny)) {
				c.hold()
			}
		}},
		{Name: "sends POSTs of 349,525 records", Kinds: both, Clients: 32, connect: func(c *client) { c.again(c.post(len(tiny), tiny)) }},
	}
}

// post returns a request with as much of its body as there is.
func (c *client) post(length int, body []byte, headers ...string) []byte {
	headers = append(headers, "Content-Type: application/x-ndjson", fmt.Sprintf("Content-Length: %d", length), c.authorization())
	return slices.Concat(c.request(http.MethodPost, c.target.Path, headers...), body)
}

func zipped(content []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(content) // into memory
	_ = w.Close()           // likewise
	return b.Bytes()
}
