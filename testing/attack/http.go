// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// strangers is more than the places of wsreceiver's default.
const strangers = 1100

// heavySearch is about as expensive as an expression is allowed to be; hopelessSearch
// compiles to tens of thousands of instructions.
const (
	heavySearch    = `/(?:[a-z]?.?\w?\S?){60}Q/`
	hopelessSearch = `/(?:[a-z]?.?\w?\S?[a-z]?.?\w?\S?){990}Q/`
)

// searched is a line in which no search finds anything.
var searched = whole(textMessage, []byte(`{"message":"`+strings.Repeat("a line without the letter ", 600)+`"}`))

// onHTTP returns what strangers can do to anything that speaks HTTP.
func onHTTP() []Attack {
	both := []Kind{HTTP, WebSocket}
	return []Attack{
		{Name: "connects and sends nothing", Kinds: both, Clients: strangers, connect: (*client).hold},
		{Name: "sends headers that never end, a byte at a time", Kinds: both, Clients: strangers, connect: func(c *client) {
			if c.send(fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nX: ", c.target.Path, c.target.Address)) {
				c.trickle([]byte("x"))
			}
		}},
		{Name: "sends headers without end, as fast as it can", Kinds: both, Clients: 32, connect: func(c *client) {
			if c.send(fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n", c.target.Path, c.target.Address)) {
				c.again([]byte(strings.Repeat("X: "+strings.Repeat("x", 1000)+"\r\n", 16)))
			}
		}},
		{Name: "sends bodies that never come", Kinds: both, Clients: strangers, connect: func(c *client) {
			if c.send(c.request(http.MethodPost, c.target.Path, "Content-Length: 1000000")) {
				c.hold()
			}
		}},
		{Name: "sends bodies that never end, a byte at a time", Kinds: both, Clients: strangers, connect: func(c *client) {
			if c.send(c.request(http.MethodPost, c.target.Path, "Transfer-Encoding: chunked")) {
				c.trickle([]byte("1\r\nx\r\n"))
			}
		}},
		{Name: "sends requests that are garbage", Kinds: both, Clients: 32, connect: func(c *client) {
			_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
			if c.send(garbage(1 << 10)) {
				c.hold()
			}
		}},
		{Name: "sends requests and reads no answer", Kinds: both, Clients: 32, connect: func(c *client) {
			c.flood([]byte(strings.Repeat(string(c.request(http.MethodGet, "/healthz")), 100)))
		}},
		{Name: "guesses tokens, on all paths", Kinds: both, Clients: 32, connect: func(c *client) {
			for _, path := range []string{c.target.Path, "/metrics", "/tail/stream"} {
				status := c.ask(path, upgradeHeaders, "Accept: text/event-stream", "Authorization: Bearer "+rand.Text())
				if c.target.Token != "" && letIn(status) {
					c.blame("a wrong token was let in at %s", path)
				}
			}
		}},
		{Name: "writes and reads through a visitor's browser", Kinds: both, Clients: 8, connect: func(c *client) {
			for _, path := range []string{c.target.Path, "/metrics", "/tail/stream"} {
				if status := c.ask(path, upgradeHeaders, "Accept: text/event-stream", "Origin: https://evil.example", c.authorization()); letIn(status) {
					c.blame("a page of another site was let in at %s: %d", path, status)
				}
			}
		}},
		{Name: "searches the live tail with expressions that take for ever", Kinds: []Kind{WebSocket}, Clients: 22, connect: func(c *client) {
			if c.number >= 20 {
				upgraded(func(c *client) { c.again(searched) })(c) // what they search
				return
			}
			search := heavySearch
			if c.number%2 == 1 {
				search = hopelessSearch
			}
			if c.send(c.request(http.MethodGet, "/tail/stream?q="+url.QueryEscape(search), "Accept: text/event-stream", c.authorization())) {
				c.hold()
			}
		}},
		{Name: "follows the live tail and reads nothing", Kinds: []Kind{WebSocket}, Clients: 64, connect: func(c *client) {
			if c.send(c.request(http.MethodGet, "/tail/stream", "Accept: text/event-stream", c.authorization())) {
				<-c.ctx.Done()
			}
		}},
	}
}

// authorization is the header of an attacker that is let in.
func (c *client) authorization() string {
	if c.target.Token == "" {
		return "X-Nothing: "
	}
	return "Authorization: Bearer " + c.target.Token
}

// request returns a request without its body.
func (c *client) request(method, path string, headers ...string) []byte {
	return fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n\r\n", method, path, c.target.Address, strings.Join(append(headers, "User-Agent: attack"), "\r\n"))
}

// ask sends a request on a connection of its own, and returns
// the status, or 0 if none comes.
func (c *client) ask(path string, headers ...string) (status int) {
	one := Attack{connect: func(asking *client) {
		_ = asking.SetDeadline(time.Now().Add(30 * time.Second))
		if !asking.send(asking.request(http.MethodGet, path, headers...)) {
			return
		}
		if answer, err := http.ReadResponse(bufio.NewReader(asking), nil); err == nil {
			_ = answer.Body.Close()
			status = answer.StatusCode
		}
	}}
	asking := *c
	one.once(c.ctx, &asking)
	return status
}

// letIn reports whether a request with such an answer was let in.
func letIn(status int) bool {
	return status == http.StatusSwitchingProtocols || status >= 200 && status < 300
}

func garbage(length int) []byte {
	bytes := make([]byte, length)
	_, _ = rand.Read(bytes) // it never fails
	return bytes
}
