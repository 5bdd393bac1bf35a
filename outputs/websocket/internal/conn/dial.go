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
	"slices"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"filebeat-websocket/protocol/frames"
)

// Options are how to connect, and the limits of the connection.
type Options struct {
	// URL has scheme ws or wss, host and port.
	URL *url.URL
	// Header is sent with the upgrade request, in addition to that of the handshake.
	Header http.Header
	// Secrets are further texts, besides those in Header and URL, that an error must
	// not quote.
	Secrets []string
	// Subprotocols are offered in that order.
	Subprotocols []string
	// RequiredSubprotocol is the one that the server has to pick; empty for any.
	RequiredSubprotocol string
	// RequireSubprotocol makes it an error if the server picks none.
	RequireSubprotocol bool
	// TLS is used with wss. It is not changed.
	TLS *tls.Config
	// Resolve looks up the addresses of a host. Nil means net.DefaultResolver.
	Resolve func(ctx context.Context, host string) ([]string, error)
	// Addresses remembers from one dial to the next which addresses failed. Nil means
	// that nothing is remembered.
	Addresses *Addresses
	// Dial opens the TCP connection to an address. Nil means net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Proxy is the proxy to dial through, nil for none.
	Proxy *Proxy

	// ConnectTimeout limits TCP, proxy, TLS and upgrade together.
	ConnectTimeout time.Duration
	// WriteTimeout limits each write to the socket.
	WriteTimeout time.Duration
	// MaxFrameBytes is the maximum length of a frame that is sent, 0 for no limit.
	MaxFrameBytes int
	// MaxReadBytes is the maximum length of a message from the server, after inflating.
	MaxReadBytes int64
	// CompressionLevel offers permessage-deflate (RFC 7692): from 1, the fastest, to
	// MaxCompressionLevel. 0 offers none.
	CompressionLevel int
	// CompressionThreshold is the minimum length of a message that is compressed.
	CompressionThreshold int
	// Traffic counts bytes. It is required.
	Traffic Traffic

	// Observe, if it is not nil, is called after each step of a dial. The last call is
	// for the step that failed, if one did. Looking up a host's name is then a
	// separate step.
	Observe func(step, detail string, err error)
	// Explain, if it is not nil, returns advice about the error of a dial, empty for
	// none. The error may quote secrets.
	Explain func(error) string
}

// UpgradeError is an answer of the server that is not a valid upgrade.
type UpgradeError struct {
	Status   string // such as "503 Service Unavailable"
	Code     int
	Header   http.Header
	Location string // of a redirect; it is not followed, since credentials would go with it
	Body     string // its first 256 bytes, empty with a redirect
	Page     string // its first 1024 bytes, not for the log: they may quote secrets
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

// maxCauseBytes is the maximum length of a peer's answer in an error.
const maxCauseBytes = 256

// Dial connects and upgrades. The error is an *UpgradeError if the server answered in
// HTTP without a valid upgrade, and wraps a *ProxyError if the proxy was not passed. Its
// text never contains a header of the request or a password of the proxy.
func Dial(parent context.Context, options Options) (*Conn, error) {
	steps := &progress{observe: options.Observe}
	if options.Addresses == nil {
		options.Addresses = &Addresses{}
	}
	c, err := dialSteps(parent, options, steps)
	steps.end(err)
	if err != nil && !errors.Is(err, ErrCompression) {
		options.Addresses.Failed()
	}
	return c, err
}

func dialSteps(parent context.Context, options Options, steps *progress) (*Conn, error) {
	ctx, cancel := context.WithTimeout(parent, options.ConnectTimeout)
	defer cancel()

	dialTCP := options.dialTCP(steps)
	// dial returns the connection to the server and the socket under it.
	dial := func(ctx context.Context, network, address string) (c, socket net.Conn, err error) {
		if options.Proxy != nil {
			return options.dialProxy(ctx, dialTCP, address, steps)
		}
		c, err = dialTCP(ctx, network, address)
		return c, c, err
	}
	var w *wire
	interruptible := func() bool { return true }
	wrap := func(c, socket net.Conn) net.Conn {
		steps.begin("upgrade")
		w = &wire{Conn: c, socket: socket, traffic: options.Traffic, frames: frames.Checker{FromServer: true}}
		w.answer = newAnswer(socketReader{w}, options.CompressionLevel > 0)
		// The library obeys the deadline of a context, but not its cancellation.
		interruptible = context.AfterFunc(parent, func() { _ = w.Close() })
		return w
	}
	dialer := websocket.Dialer{
		NetDialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, socket, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return wrap(c, socket), nil
		},
		NetDialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, socket, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			secured := tls.Client(c, options.TLS)
			steps.begin("TLS")
			if err := secured.HandshakeContext(ctx); err != nil {
				_ = socket.Close()
				return nil, fmt.Errorf("TLS: %w", err)
			}
			steps.done(describeTLS(secured.ConnectionState()))
			return wrap(secured, socket), nil
		},
		// The library writes only the upgrade request and control frames.
		WriteBufferSize:   1024,
		ReadBufferSize:    4096,
		Subprotocols:      options.Subprotocols,
		EnableCompression: options.CompressionLevel > 0,
	}

	ws, answer, err := dialer.DialContext(ctx, options.URL.String(), options.Header)
	if answer != nil && answer.Body != nil {
		defer func() { _ = answer.Body.Close() }()
	}
	inTime := interruptible()
	if err != nil {
		return nil, dialError(ctx, options, answer, err)
	}
	if !inTime {
		_ = w.Close()
		return nil, context.Cause(parent)
	}
	compressed, err := options.checkAgreement(answer.Header)
	if err != nil {
		_ = w.Close()
		return nil, err
	}
	steps.done(excerpt(answer.Status, maxStatusBytes, options.secrets()))
	w.upgraded.Store(true)
	return &Conn{
		ws:      ws,
		wire:    w,
		options: options,
		secrets: options.secrets(),
		buffer:  make([]byte, 0, flushBytes+maxHeaderBytes),

		compressed: compressed,
	}, nil
}

// checkAgreement returns an error if the server picked what was not offered (RFC 6455
// 4.1), or did not pick what is required.
func (o *Options) checkAgreement(answer http.Header) (compressed bool, err error) {
	if err := o.checkSubprotocol(answer.Values("Sec-Websocket-Protocol")); err != nil {
		return false, err
	}
	return o.checkExtensions(answer.Values("Sec-Websocket-Extensions"))
}

func (o *Options) checkSubprotocol(picked []string) error {
	quoted := func() string {
		return fmt.Sprintf("%q", excerpt(strings.Join(picked, ", "), maxStatusBytes, o.secrets()))
	}
	switch {
	case len(picked) > 1:
		return fmt.Errorf("the server picked more than one subprotocol: %s", quoted())
	case len(picked) == 1 && !slices.Contains(o.Subprotocols, picked[0]):
		return fmt.Errorf("the server picked the subprotocol %s, which was not offered", quoted())
	case o.RequiredSubprotocol != "" && !slices.Contains(picked, o.RequiredSubprotocol):
		return fmt.Errorf("the server does not speak the subprotocol %s", o.RequiredSubprotocol)
	case o.RequireSubprotocol && len(picked) == 0:
		return fmt.Errorf("the server picked none of the subprotocols %s", strings.Join(o.Subprotocols, ", "))
	}
	return nil
}

func dialError(ctx context.Context, options Options, answer *http.Response, err error) error {
	secrets := options.secrets()
	if refused, ok := errors.AsType[*ProxyError](err); ok {
		refused.Status = excerpt(refused.Status, maxStatusBytes, secrets)
		if refused.Cause != nil {
			refused.Cause = shortened(refused.Cause, secrets)
		}
	}
	if answer != nil && answer.StatusCode == http.StatusSwitchingProtocols && !errors.Is(err, websocket.ErrBadHandshake) {
		// Extensions are the only reason for which the library refuses this answer.
		if _, cause := options.checkAgreement(answer.Header); cause != nil {
			return cause
		}
	}
	switch {
	case answer != nil && errors.Is(err, websocket.ErrBadHandshake):
		refused := &UpgradeError{
			Status:   excerpt(answer.Status, maxStatusBytes, secrets),
			Code:     answer.StatusCode,
			Header:   answer.Header,
			Location: excerpt(answer.Header.Get("Location"), maxCauseBytes, secrets),
			Cause:    errors.New("the header Upgrade, Connection or Sec-WebSocket-Accept is missing or wrong"),
		}
		// The library has at most the first 1024 bytes of the body in memory.
		body, readErr := io.ReadAll(answer.Body)
		if readErr == nil && refused.Location == "" {
			refused.Body, refused.Page = excerpt(string(body), maxCauseBytes, secrets), string(body)
		}
		return options.explained(refused, refused)
	case errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("connect: %w", context.Cause(ctx))
	case ctx.Err() != nil || interrupted(err):
		return fmt.Errorf("not connected within connect_timeout (%v): %w", options.ConnectTimeout, shortened(err, secrets))
	default:
		return options.explained(shortened(err, secrets), err)
	}
}

// failedAtProxy reports whether a dial ended at the proxy or before it.
func failedAtProxy(err error) bool {
	_, ok := errors.AsType[*ProxyError](err)
	return ok
}

// explained adds advice about a cause to an error.
func (o *Options) explained(err, cause error) error {
	if o.Explain == nil {
		return err
	}
	if advice := o.Explain(cause); advice != "" {
		return fmt.Errorf("%w; %s", err, advice)
	}
	return err
}

// maxStatusBytes is the maximum length of a status line in an error.
const maxStatusBytes = 64
