// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/proxy"
)

// Proxy is a proxy to dial through.
type Proxy struct {
	// URL has the scheme http, https, socks5 or socks5h, host and port, and the user if
	// the proxy requires one.
	URL *url.URL
	// Header is sent with CONNECT, to http and https only.
	Header http.Header
	// TLS is used with https. It is not changed.
	TLS *tls.Config
	// ResolveHere looks up the server's name here instead of at the proxy.
	ResolveHere bool
}

// ProxyError is a dial that failed at the proxy, or before it was reached.
type ProxyError struct {
	Address string // host and port of the proxy
	Status  string // of its answer to CONNECT, such as "403 Forbidden", empty if there was none
	Code    int    // 0 without an answer
	Cause   error  // nil with an answer
}

func (e *ProxyError) Error() string {
	if e.Cause == nil {
		return "the proxy answered CONNECT with " + e.Status
	}
	return fmt.Sprintf("proxy %s: %v", e.Address, e.Cause)
}

func (e *ProxyError) Unwrap() error { return e.Cause }

// maxProxyBytes is the maximum length of the header of the answer to CONNECT.
const maxProxyBytes = 64 << 10

var errProxyTooLong = errors.New("the answer to CONNECT is longer than 64 KiB")

// longAgo is a deadline that ends every read and write at once.
var longAgo = time.Unix(1, 0)

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// Dial and DialContext implement the dialers of golang.org/x/net/proxy.
func (dial dialFunc) Dial(network, address string) (net.Conn, error) {
	return dial(context.Background(), network, address)
}

func (dial dialFunc) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return dial(ctx, network, address)
}

// dialProxy returns a connection through the proxy to address, host and port of a
// server, and the socket under it.
func (o *Options) dialProxy(ctx context.Context, dialTCP dialFunc, address string, steps *progress) (tunnel, socket net.Conn, err error) {
	p := o.Proxy
	dialTarget := func(ctx context.Context, target string) (err error) {
		steps.after("proxy " + p.URL.Scheme + "://" + p.URL.Host + " to " + target)
		tunnel, socket, err = p.dialTarget(ctx, dialTCP, target)
		if err == nil {
			return nil
		}
		if !failedAtProxy(err) {
			err = &ProxyError{Address: p.URL.Host, Cause: err}
		}
		if isSilentProxy(err) {
			o.Addresses.Failed()
		}
		o.Addresses.current = "" // a proxy that refuses is not at fault
		return err
	}
	if p.ResolveHere {
		var targets []string
		steps.begin("resolve " + address)
		if targets, err = o.resolve(ctx, address); err != nil {
			return nil, nil, err
		}
		steps.done(strings.Join(targets, ", "))
		err = o.Addresses.each(ctx, targets, dialTarget)
	} else {
		err = dialTarget(ctx, address)
	}
	if err == nil {
		steps.done("")
	}
	return tunnel, socket, err
}

// isSilentProxy reports whether a dial ended at a proxy that gave no answer: the proxy's address
// is at fault, and nothing is known about the server's.
func isSilentProxy(err error) bool {
	refused, ok := errors.AsType[*ProxyError](err)
	return ok && refused.Code == 0
}

func (p *Proxy) dialTarget(ctx context.Context, dialTCP dialFunc, target string) (tunnel, socket net.Conn, err error) {
	if strings.HasPrefix(p.URL.Scheme, "socks") {
		tunnel, err = p.dialSOCKS(ctx, dialTCP, target)
		return tunnel, tunnel, err
	}
	socket, err = dialTCP(ctx, "tcp", p.URL.Host)
	if err != nil {
		return nil, nil, err
	}
	tunnel = socket
	if p.URL.Scheme == "https" {
		secured := tls.Client(socket, p.TLS)
		tunnel = secured
		if err = secured.HandshakeContext(ctx); err != nil {
			err = fmt.Errorf("TLS: %w", err)
		}
	}
	if err == nil {
		tunnel, err = p.connect(ctx, tunnel, socket, target)
	}
	if err != nil {
		_ = socket.Close()
		return nil, nil, err
	}
	return tunnel, socket, nil
}

// dialSOCKS implements RFC 1928. The library passes a host name on as it is.
func (p *Proxy) dialSOCKS(ctx context.Context, dialTCP dialFunc, target string) (net.Conn, error) {
	var auth *proxy.Auth
	if user := p.URL.User; user != nil {
		password, _ := user.Password()
		auth = &proxy.Auth{User: user.Username(), Password: password}
	}
	dialer, err := proxy.SOCKS5("tcp", p.URL.Host, auth, dialTCP)
	if err != nil {
		return nil, err
	}
	withContext, ok := dialer.(proxy.ContextDialer)
	if !ok {
		return nil, errors.New("the SOCKS library can't be canceled")
	}
	return withContext.DialContext(ctx, "tcp", target)
}

// connect asks for a tunnel to target (RFC 9110 9.3.6). The returned connection first
// reads the bytes that came in after the header of the answer.
func (p *Proxy) connect(ctx context.Context, c, socket net.Conn, target string) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { _ = socket.SetDeadline(longAgo) })
	defer stop()
	request := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: target}, Host: target, Header: p.header()}
	if err := request.Write(c); err != nil {
		return nil, err
	}
	limited := &io.LimitedReader{R: c, N: maxProxyBytes}
	reader := bufio.NewReader(limited)
	answer, err := http.ReadResponse(reader, request) //nolint:bodyclose // the tunnel follows
	for read := 0; err == nil && interim(answer.StatusCode) && read < maxInterim; read++ {
		answer, err = http.ReadResponse(reader, request) //nolint:bodyclose // the tunnel follows
	}
	switch {
	case err != nil && limited.N <= 0:
		return nil, errProxyTooLong
	case err != nil:
		return nil, fmt.Errorf("answer to CONNECT: %w", err)
	case answer.StatusCode/100 != 2:
		return nil, &ProxyError{Address: p.URL.Host, Status: answer.Status, Code: answer.StatusCode}
	case !stop():
		return nil, context.Cause(ctx)
	}
	early, err := reader.Peek(reader.Buffered())
	if err != nil || len(early) == 0 {
		return c, err
	}
	return &earlyConn{Conn: c, early: io.MultiReader(bytes.NewReader(early), c)}, nil
}

// earlyConn first reads bytes that were read together with the header.
type earlyConn struct {
	net.Conn
	early io.Reader
}

func (c *earlyConn) Read(p []byte) (int, error) { return c.early.Read(p) }

// header returns the header of CONNECT.
func (p *Proxy) header() http.Header {
	header := p.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if user := p.URL.User; user != nil {
		header.Set("Proxy-Authorization", BasicAuth(user))
	}
	return header
}

// BasicAuth returns the value of Authorization or Proxy-Authorization for a user (RFC
// 7617 2).
func BasicAuth(user *url.Userinfo) string {
	password, _ := user.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password))
}
