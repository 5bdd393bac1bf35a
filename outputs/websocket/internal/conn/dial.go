// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// Options say how to connect and what the connection's limits are.
type Options struct {
	// URL has scheme ws or wss, host and port.
	URL *url.URL
	// Header is sent with the upgrade request, besides the handshake's own.
	Header http.Header
	// TLS is used with wss. It is not changed.
	TLS *tls.Config
	// Dial opens the TCP connection. Nil means net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// ConnectTimeout bounds TCP, TLS and upgrade together.
	ConnectTimeout time.Duration
	// WriteTimeout bounds each write to the socket.
	WriteTimeout time.Duration
	// MaxFrameBytes is the longest frame sent, 0 for no limit.
	MaxFrameBytes int
	// MaxReadBytes is the longest message accepted, after inflating.
	MaxReadBytes int64
	// Traffic counts bytes. It is required.
	Traffic Traffic
}

// UpgradeError is an answer to the upgrade request that is no upgrade.
type UpgradeError struct {
	Status   string // such as "503 Service Unavailable"
	Code     int
	Header   http.Header
	Location string // of a redirect, which is not followed: credentials would travel
	Body     string // its first 256 bytes
	Cause    error
}

func (e *UpgradeError) Error() string {
	var text strings.Builder
	switch {
	case e.Code == http.StatusSwitchingProtocols:
		text.WriteString("the server's answer to the upgrade is not valid (" + e.Status + "): " + e.Cause.Error())
	case e.Location != "":
		text.WriteString("the server answered the upgrade with " + e.Status + " to " + fmt.Sprintf("%q", e.Location) + ", which is not followed")
	default:
		text.WriteString("the server answered the upgrade with " + e.Status)
	}
	if e.Body != "" {
		fmt.Fprintf(&text, ": %q", e.Body)
	}
	return text.String()
}

func (e *UpgradeError) Unwrap() error { return e.Cause }

// maxCauseBytes is how much of a peer's answer an error repeats.
const maxCauseBytes = 256

// Dial connects and upgrades. The error is an *UpgradeError if a server spoke
// HTTP but did not upgrade; its text never holds a header of the request.
func Dial(ctx context.Context, options Options) (*Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, options.ConnectTimeout)
	defer cancel()

	dialTCP := options.Dial
	if dialTCP == nil {
		dialTCP = (&net.Dialer{}).DialContext
	}
	var w *wire
	wrap := func(c net.Conn) net.Conn {
		w = &wire{Conn: c, traffic: options.Traffic}
		return w
	}
	dialer := websocket.Dialer{
		NetDialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dialTCP(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return wrap(c), nil
		},
		NetDialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dialTCP(ctx, network, address)
			if err != nil {
				return nil, err
			}
			secured := tls.Client(c, options.TLS)
			if err := secured.HandshakeContext(ctx); err != nil {
				_ = c.Close()
				return nil, fmt.Errorf("TLS: %w", err)
			}
			return wrap(secured), nil
		},
		// The library writes the upgrade request and nothing else of length.
		WriteBufferSize: 1024,
		ReadBufferSize:  4096,
	}

	ws, answer, err := dialer.DialContext(ctx, options.URL.String(), options.Header)
	if answer != nil && answer.Body != nil {
		defer func() { _ = answer.Body.Close() }()
	}
	if err != nil {
		return nil, dialError(ctx, options, answer, err)
	}
	w.upgraded.Store(true)
	return &Conn{
		ws:      ws,
		wire:    w,
		options: options,
		buffer:  make([]byte, 0, flushBytes+maxHeaderBytes),
	}, nil
}

func dialError(ctx context.Context, options Options, answer *http.Response, err error) error {
	switch {
	case answer != nil && errors.Is(err, websocket.ErrBadHandshake):
		// The library keeps the first 1024 bytes of the body at most.
		body, readErr := io.ReadAll(io.LimitReader(answer.Body, maxCauseBytes))
		if readErr != nil {
			body = nil
		}
		return &UpgradeError{
			Status:   answer.Status,
			Code:     answer.StatusCode,
			Header:   answer.Header,
			Location: answer.Header.Get("Location"),
			Body:     string(body),
			Cause:    errors.New("Upgrade, Connection or Sec-WebSocket-Accept is missing or wrong"),
		}
	case errors.Is(context.Cause(ctx), context.DeadlineExceeded) || interrupted(err):
		return fmt.Errorf("not connected within connect_timeout (%v): %w", options.ConnectTimeout, shortened(err))
	default:
		return shortened(err)
	}
}

// shortened bounds the text of an error that may quote what the peer sent.
func shortened(err error) error {
	text := err.Error()
	if len(text) <= maxCauseBytes {
		return err
	}
	return &longError{text: strings.ToValidUTF8(text[:maxCauseBytes], "") + "...", cause: err}
}

type longError struct {
	text  string
	cause error
}

func (e *longError) Error() string { return e.text }
func (e *longError) Unwrap() error { return e.cause }
