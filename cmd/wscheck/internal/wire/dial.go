// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha1" // #nosec G505 -- RFC 6455 4.2.2 asks for SHA-1
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	// acceptGUID is that of RFC 6455 1.3.
	acceptGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	// deflateOffer is what the output offers with compression_level.
	deflateOffer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	// maxAnswerBytes bounds the answer to the upgrade.
	maxAnswerBytes = 64 << 10
	maxBodyBytes   = 256
)

// Options say where and how to connect.
type Options struct {
	URL        *url.URL
	Header     http.Header
	TLS        *tls.Config
	Timeout    time.Duration // of the connect, and of each write
	Protocols  []string      // subprotocols to offer
	Deflate    bool          // offer permessage-deflate
	ReadBuffer int           // of the socket; 0 leaves it to the system
}

// Answer is what a server said to the request for an upgrade.
type Answer struct {
	Status     int
	Body       string // the first bytes, if it did not upgrade
	Protocol   string
	Extensions string
	// Problems are what RFC 6455 4.1 has a client fail the connection for, except for
	// the subprotocol and the extensions.
	Problems []string
	// Deflate reports whether messages may be compressed.
	Deflate bool
}

// Summary is the answer in a few words.
func (a *Answer) Summary() string {
	s := fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status))
	if a.Protocol != "" {
		s += ", Sec-WebSocket-Protocol: " + a.Protocol
	}
	if a.Extensions != "" {
		s += ", Sec-WebSocket-Extensions: " + a.Extensions
	}
	if a.Body != "" {
		s += fmt.Sprintf(", %q", a.Body)
	}
	return s
}

// Dial connects and asks for an upgrade. The Answer is there if the server answered; the
// Conn is there if it switched protocols, whatever its problems.
func Dial(ctx context.Context, o Options) (*Conn, *Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	socket, err := connect(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	end := context.AfterFunc(ctx, func() { _ = socket.Close() })
	answer, buffered, err := upgrade(socket, o)
	if !end() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = socket.Close()
		if ctx.Err() != nil {
			err = fmt.Errorf("no answer within %v", o.Timeout)
		}
		return nil, nil, err
	}
	if answer.Status != http.StatusSwitchingProtocols {
		_ = socket.Close()
		return nil, answer, nil
	}
	return newConn(socket, buffered, answer.Deflate, o.Timeout), answer, nil
}

func connect(ctx context.Context, o Options) (net.Conn, error) {
	port := o.URL.Port()
	if port == "" {
		port = map[string]string{"ws": "80", "wss": "443"}[o.URL.Scheme]
	}
	var dialer net.Dialer
	socket, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(o.URL.Hostname(), port))
	if err != nil {
		return nil, err
	}
	if tcp, ok := socket.(*net.TCPConn); ok && o.ReadBuffer > 0 {
		_ = tcp.SetReadBuffer(o.ReadBuffer) // without it a check of slow reading shows less
	}
	if o.URL.Scheme != "wss" {
		return socket, nil
	}
	config := o.TLS.Clone()
	config.ServerName = o.URL.Hostname()
	secured := tls.Client(socket, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = socket.Close()
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return secured, nil
}

// upgrade sends the request and reads the answer. buffered is what came behind it.
func upgrade(socket net.Conn, o Options) (answer *Answer, buffered []byte, err error) {
	key := base64.StdEncoding.EncodeToString([]byte(rand.Text())[:16])
	request := &http.Request{Method: http.MethodGet, URL: o.URL, Host: o.URL.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: o.Header.Clone()}
	if request.Header == nil {
		request.Header = http.Header{}
	}
	for name, value := range map[string]string{
		"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key, "User-Agent": "wscheck",
	} {
		request.Header.Set(name, value)
	}
	if len(o.Protocols) > 0 {
		request.Header.Set("Sec-WebSocket-Protocol", strings.Join(o.Protocols, ", "))
	}
	if o.Deflate {
		request.Header.Set("Sec-WebSocket-Extensions", deflateOffer)
	}
	if err := request.Write(socket); err != nil {
		return nil, nil, err
	}
	reader := bufio.NewReader(io.LimitReader(socket, maxAnswerBytes))
	response, err := http.ReadResponse(reader, request)
	if err != nil {
		return nil, nil, fmt.Errorf("the answer is not HTTP: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	answer = &Answer{
		Status:     response.StatusCode,
		Protocol:   strings.Join(response.Header.Values("Sec-Websocket-Protocol"), ", "),
		Extensions: strings.Join(response.Header.Values("Sec-Websocket-Extensions"), ", "),
	}
	if answer.Status != http.StatusSwitchingProtocols {
		body, err := io.ReadAll(io.LimitReader(response.Body, maxBodyBytes))
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, nil, err
		}
		answer.Body = strings.TrimSpace(string(body))
		return answer, nil, nil
	}
	answer.Problems = problems(response.Header, key)
	answer.Deflate = o.Deflate && usableDeflate(answer.Extensions)
	buffered, err = reader.Peek(reader.Buffered())
	return answer, bytes.Clone(buffered), err
}

// problems checks RFC 6455 4.1.
func problems(header http.Header, key string) (found []string) {
	sum := sha1.Sum([]byte(key + acceptGUID)) // #nosec G401 -- see the import
	accept := base64.StdEncoding.EncodeToString(sum[:])
	if !hasToken(header.Values("Upgrade"), "websocket") {
		found = append(found, "no Upgrade: websocket")
	}
	if !hasToken(header.Values("Connection"), "upgrade") {
		found = append(found, "no Connection: Upgrade")
	}
	if is := header.Get("Sec-Websocket-Accept"); is != accept {
		found = append(found, fmt.Sprintf("Sec-WebSocket-Accept is %q, but for the key %q it has to be %q", is, key, accept))
	}
	return found
}

func hasToken(values []string, token string) bool {
	for part := range strings.SplitSeq(strings.Join(values, ","), ",") {
		if strings.EqualFold(strings.TrimSpace(part), token) {
			return true
		}
	}
	return false
}

// usableDeflate reports whether the answer to the offer is one that the output can use: the
// server starts each message without the window of the one before (RFC 7692 7.1.1.1), and
// asks for no window of ours.
func usableDeflate(extensions string) bool {
	parts := strings.Split(extensions, ";")
	for i, part := range parts {
		name, _, _ := strings.Cut(part, "=")
		parts[i] = strings.ToLower(strings.TrimSpace(name))
	}
	known := []string{"server_no_context_takeover", "client_no_context_takeover", "server_max_window_bits"}
	for _, part := range parts[1:] {
		if !slices.Contains(known, part) {
			return false
		}
	}
	return parts[0] == "permessage-deflate" && slices.Contains(parts, known[0])
}
