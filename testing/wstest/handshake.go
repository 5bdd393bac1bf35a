// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package wstest

import (
	"bufio"
	"bytes"
	"crypto/sha1" // RFC 6455 4.2.2 asks for SHA-1
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// acceptGUID is that of RFC 6455 1.3.
const acceptGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + acceptGUID))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// handshake reads the upgrade request and answers it. It returns nil if that does not
// make a WebSocket connection; the caller then has to hang up.
func (c *conn) handshake(br *bufio.Reader) *http.Request {
	if c.fault.HangUpgrade {
		<-c.ended
		return nil
	}
	req, err := http.ReadRequest(br)
	if err != nil {
		return nil // went away, or did not speak HTTP: a client that probes the port
	}
	if len(c.fault.NotHTTP) > 0 {
		c.write(c.fault.NotHTTP)
		return nil
	}
	if c.fault.RefuseStatus != 0 {
		c.write(response(req, c.fault.RefuseStatus, c.fault.RefuseHeader, c.fault.RefuseBody))
		return nil
	}
	if problem := upgradeProblem(req); problem != "" {
		c.server.ledger.violation(c.number, "upgrade request: %s", problem)
		c.write(response(req, http.StatusBadRequest, nil, problem))
		return nil
	}
	key := req.Header.Get("Sec-Websocket-Key")
	if c.fault.WrongAccept {
		key = base64.StdEncoding.EncodeToString([]byte("another 16 bytes"))
	}
	answer := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: " + acceptKey(key) + "\r\n"
	if name := c.server.pickSubprotocol(req); name != "" {
		answer += "Sec-WebSocket-Protocol: " + name + "\r\n"
	}
	if !c.write([]byte(answer+"\r\n")) || c.fault.WrongAccept {
		return nil
	}
	return req
}

// upgradeProblem checks RFC 6455 4.2.1.
func upgradeProblem(req *http.Request) string {
	key, err := base64.StdEncoding.DecodeString(req.Header.Get("Sec-Websocket-Key"))
	switch {
	case req.Method != http.MethodGet || !req.ProtoAtLeast(1, 1):
		return "not an HTTP/1.1 GET"
	case !hasToken(req.Header, "Upgrade", "websocket"):
		return "no Upgrade: websocket"
	case !hasToken(req.Header, "Connection", "upgrade"):
		return "no Connection: Upgrade"
	case req.Header.Get("Sec-Websocket-Version") != "13":
		return "Sec-WebSocket-Version is not 13"
	case err != nil || len(key) != 16:
		return "Sec-WebSocket-Key is not 16 bytes in Base64"
	}
	return ""
}

func hasToken(header http.Header, name, token string) bool {
	return slices.ContainsFunc(tokens(header, name), func(s string) bool { return strings.EqualFold(s, token) })
}

func tokens(header http.Header, name string) []string {
	var list []string
	for _, line := range header.Values(name) {
		for part := range strings.SplitSeq(line, ",") {
			list = append(list, strings.TrimSpace(part))
		}
	}
	return list
}

func (s *Server) pickSubprotocol(req *http.Request) string {
	for _, offer := range tokens(req.Header, "Sec-Websocket-Protocol") {
		if slices.Contains(s.config.subprotocols, offer) {
			return offer
		}
	}
	return ""
}

// response returns a whole HTTP/1.1 response, after which the server closes the connection.
func response(req *http.Request, status int, header http.Header, body string) []byte {
	header = header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header.Set("Connection", "close")
	header.Set("Content-Length", fmt.Sprint(len(body)))
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", status, http.StatusText(status))
	if err := header.Write(&b); err != nil {
		panic(err) // a bytes.Buffer takes everything
	}
	b.WriteString("\r\n")
	if req.Method != http.MethodHead {
		b.WriteString(body)
	}
	return b.Bytes()
}
