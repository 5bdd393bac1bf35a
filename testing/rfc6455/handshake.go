// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package rfc6455

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Handshake is an upgrade: the request that a server under test gets, or the answer that
// a client under test gets.
type Handshake struct {
	Group   string
	Name    string
	Section string
	Side    Side
	Deflate bool // a client under test has to offer permessage-deflate

	lines  []string // of the header; of a request instead of the good ones that have the same name
	first  string   // line, if it is not the good one
	accept string   // Sec-WebSocket-Accept of an answer, if it is not the good one

	verdicts []string // one of these has to come
}

// The verdicts.
const (
	opens    = "opens"    // without an extension
	deflates = "deflates" // opens with permessage-deflate
	refuses  = "refuses"
)

// Expected says what has to come of the handshake.
func (h Handshake) Expected() string { return strings.Join(h.verdicts, " or ") }

// Holds reports whether what was seen is what has to come.
func (h Handshake) Holds(seen string) bool {
	return slices.Contains(h.verdicts, seen)
}

const sampleKey = "dGhlIHNhbXBsZSBub25jZQ=="

func acceptOf(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// DeflateOffer is an offer that every server can accept.
const DeflateOffer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

// headerWith returns good header lines, where lines stand instead of those of the same name.
// A line without a value leaves its name out.
func headerWith(good, lines []string) string {
	var b strings.Builder
	nameOf := func(line string) string { name, _, _ := strings.Cut(line, ":"); return strings.ToLower(name) }
	for _, line := range good {
		isReplaced := false
		for _, other := range lines {
			isReplaced = isReplaced || nameOf(other) == nameOf(line)
		}
		if !isReplaced {
			b.WriteString(line + "\r\n")
		}
	}
	for _, line := range lines {
		if _, value, _ := strings.Cut(line, ":"); value != "" {
			b.WriteString(line + "\r\n")
		}
	}
	return b.String() + "\r\n"
}

func requestWith(first, path, host string, lines []string) string {
	if first == "" {
		first = "GET PATH HTTP/1.1"
	}
	return strings.ReplaceAll(first, "PATH", path) + "\r\n" + headerWith([]string{
		"Host: " + host, "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " + sampleKey,
	}, lines)
}

// ToServer sends the request of the handshake to a server and returns what it saw.
func (h Handshake) ToServer(conn net.Conn, path string) (seen string) {
	defer func() { _ = conn.Close() }() // it has ended
	_ = conn.SetDeadline(time.Now().Add(playTimeout))
	if _, err := io.WriteString(conn, requestWith(h.first, path, conn.RemoteAddr().String(), h.lines)); err != nil {
		return err.Error()
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return refuses // without HTTP
	}
	_ = answer.Body.Close()
	switch {
	case answer.StatusCode >= 400 && strings.Contains(h.Name, "version") && answer.Header.Get("Sec-Websocket-Version") != "13":
		return "refuses, and does not name version 13"
	case answer.StatusCode != http.StatusSwitchingProtocols:
		return refuses
	case answer.Header.Get("Sec-Websocket-Accept") != acceptOf(sampleKey):
		return "opens with a wrong Sec-WebSocket-Accept"
	}
	return verdictOn(answer.Header.Values("Sec-Websocket-Extensions"), h.offered())
}

// offered returns the value of Sec-WebSocket-Extensions of a request.
func (h Handshake) offered() string {
	for _, line := range h.lines {
		if name, value, _ := strings.Cut(line, ": "); name == "Sec-WebSocket-Extensions" {
			return value
		}
	}
	return ""
}

// verdictOn checks the extension that a server picked (RFC 7692 7.1).
func verdictOn(picked []string, offer string) string {
	answer := strings.Join(picked, ", ")
	if answer == "" {
		return opens
	}
	parts := strings.Split(answer, ";")
	if strings.TrimSpace(parts[0]) != "permessage-deflate" {
		return "picks " + answer
	}
	has := map[string]bool{}
	for _, part := range parts[1:] {
		name, _, _ := strings.Cut(strings.TrimSpace(part), "=")
		if has[name] {
			return "picks " + answer
		}
		has[name] = true
		if name == "client_max_window_bits" && !strings.Contains(offer, name) {
			return "picks " + answer
		}
	}
	// Accepting these parameters is to repeat them. Offers with an alternative do not have them.
	if !strings.Contains(offer, ",") {
		for _, name := range []string{"server_no_context_takeover", "server_max_window_bits"} {
			if strings.Contains(offer, name) && !has[name] {
				return "deflates without " + name
			}
		}
	}
	return deflates
}

// Upgrade opens a connection to a server under test, for Play.
func Upgrade(conn net.Conn, path string, deflate bool) (*bufio.Reader, error) {
	_ = conn.SetDeadline(time.Now().Add(playTimeout))
	var lines []string
	if deflate {
		lines = []string{"Sec-WebSocket-Extensions: " + DeflateOffer}
	}
	if _, err := io.WriteString(conn, requestWith("", path, conn.RemoteAddr().String(), lines)); err != nil {
		return nil, err
	}
	in := bufio.NewReader(conn)
	answer, err := http.ReadResponse(in, nil)
	if err != nil {
		return nil, err
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusSwitchingProtocols {
		return nil, errors.New(answer.Status)
	}
	if deflate && answer.Header.Get("Sec-Websocket-Extensions") == "" {
		return nil, errors.New("permessage-deflate is not accepted")
	}
	return in, nil
}

// Accept opens a connection of a client under test, for Play.
func Accept(conn net.Conn, deflate bool) (*bufio.Reader, error) {
	h := Handshake{}
	if deflate {
		h.lines = []string{"Sec-WebSocket-Extensions: " + DeflateOffer}
	}
	return h.answer(conn)
}

func (h Handshake) answer(conn net.Conn) (*bufio.Reader, error) {
	_ = conn.SetDeadline(time.Now().Add(playTimeout))
	in := bufio.NewReader(conn)
	request, err := http.ReadRequest(in)
	if err != nil {
		return nil, err
	}
	return in, h.answerTo(conn, request)
}

func (h Handshake) answerTo(conn net.Conn, request *http.Request) error {
	first := h.first
	if first == "" {
		first = "HTTP/1.1 101 Switching Protocols"
	}
	key := request.Header.Get("Sec-Websocket-Key")
	accept := h.accept
	if accept == "" {
		accept = acceptOf(key)
	}
	_, err := io.WriteString(conn, first+"\r\n"+headerWith([]string{"Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: " + accept}, h.lines))
	return err
}

// ToClient answers a client with the answer of the handshake and returns what it saw: a
// client that opens the connection answers a Ping.
func (h Handshake) ToClient(conn net.Conn) (seen string) {
	defer func() { _ = conn.Close() }() // it has ended
	in, err := h.answer(conn)
	if err != nil {
		return fmt.Sprintf("no request: %v", err)
	}
	go func() { _, _ = conn.Write(frame{first: fin | ping, payload: "open?"}.bytes(Client)) }() // fails if it refuses
	for {
		f, err := readFrame(in, Client)
		if err != nil || f.first&0x0f == closeFrame {
			return refuses
		}
		if f.first&0x0f == pong {
			break
		}
	}
	if h.Deflate && strings.Contains(strings.Join(h.lines, ""), "permessage-deflate") {
		return deflates
	}
	return opens
}
