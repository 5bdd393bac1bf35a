// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package beattest

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Gateway is a proxy that leads to other hosts. It speaks CONNECT (RFC 9110
// 9.3.6) and SOCKS5 (RFC 1928), which it tells apart by the first byte.
type Gateway struct {
	settings GatewaySettings
	listener net.Listener
	done     sync.WaitGroup
	ctx      context.Context
	cancel   context.CancelFunc

	mutex    sync.Mutex
	requests []GatewayRequest
	tunnels  int
	conns    map[net.Conn]struct{} // nil when it is closed
}

// GatewaySettings say how a Gateway behaves.
type GatewaySettings struct {
	// Addr is where it listens, a free port of 127.0.0.1 if empty.
	Addr string
	// TLS makes it an https proxy.
	TLS *tls.Certificate
	// User and Password are required unless User is empty.
	User, Password string
	// Refuse returns the status that answers request number, from 1, for a tunnel; 0
	// grants it. With SOCKS5 every status becomes "connection not allowed".
	Refuse func(number int) int
	// Names are hosts that only the gateway knows, and where they lead to.
	Names map[string]string
	// Answer writes the answer to CONNECT instead, and then the connection hangs.
	Answer func(w io.Writer, request *http.Request)
	// Behind is written right after the answer to CONNECT.
	Behind []byte
}

// GatewayRequest is a tunnel that was asked for.
type GatewayRequest struct {
	// Protocol is CONNECT or SOCKS5.
	Protocol string
	// Target is the host and port that were asked for.
	Target string
	// Header is that of a CONNECT.
	Header http.Header
}

// StartGateway starts a gateway. Cleanup ends it.
func StartGateway(tb testing.TB, settings GatewaySettings) *Gateway {
	tb.Helper()
	address := settings.Addr
	if address == "" {
		address = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", address) //nolint:noctx // loopback, does not wait
	require.NoError(tb, err)
	if settings.TLS != nil {
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{*settings.TLS}, MinVersion: tls.VersionTLS12})
	}
	g := &Gateway{settings: settings, listener: listener, conns: map[net.Conn]struct{}{}}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	g.done.Go(g.acceptLoop)
	tb.Cleanup(g.Close)
	return g
}

// Addr returns the gateway's host and port.
func (g *Gateway) Addr() string { return g.listener.Addr().String() }

// Requests returns all requests for tunnels, refused or not.
func (g *Gateway) Requests() []GatewayRequest {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	return append([]GatewayRequest(nil), g.requests...)
}

// Tunnels returns how many were opened.
func (g *Gateway) Tunnels() int {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	return g.tunnels
}

// Close ends the gateway and its tunnels. It may be called more than once.
func (g *Gateway) Close() {
	// The error would be that it is closed.
	_ = g.listener.Close()
	g.cancel()
	g.mutex.Lock()
	for conn := range g.conns {
		_ = conn.Close()
	}
	g.conns = nil
	g.mutex.Unlock()
	g.done.Wait()
}

// keep has Close close conn, or closes it if that was called before.
func (g *Gateway) keep(conn net.Conn) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if g.conns == nil {
		_ = conn.Close()
		return
	}
	g.conns[conn] = struct{}{}
}

func (g *Gateway) acceptLoop() {
	for {
		client, err := g.listener.Accept()
		if err != nil {
			return
		}
		g.keep(client)
		g.done.Go(func() {
			defer func() { _ = client.Close() }()
			g.serve(client)
		})
	}
}

// asked keeps a request and returns the status to refuse it with, or 0.
func (g *Gateway) asked(request GatewayRequest) (status int) {
	g.mutex.Lock()
	g.requests = append(g.requests, request)
	number := len(g.requests)
	g.mutex.Unlock()
	if g.settings.Refuse == nil {
		return 0
	}
	return g.settings.Refuse(number)
}

func (g *Gateway) serve(client net.Conn) {
	in := bufio.NewReader(client)
	first, err := in.Peek(1)
	if err != nil {
		return
	}
	var target string
	if first[0] == socksVersion {
		target, err = g.serveSOCKS(client, in)
	} else {
		target, err = g.serveCONNECT(client, in)
	}
	if err != nil {
		return
	}
	host, port, err := net.SplitHostPort(target)
	if err != nil {
		return
	}
	if known, ok := g.settings.Names[host]; ok {
		host = known
	}
	server, err := (&net.Dialer{}).DialContext(g.ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	g.keep(server)
	g.mutex.Lock()
	g.tunnels++
	g.mutex.Unlock()

	over := make(chan struct{}, 2)
	forward := func(to io.Writer, from io.Reader) {
		_, _ = io.Copy(to, from) // ends with either side
		over <- struct{}{}
	}
	g.done.Go(func() { forward(server, in) })
	g.done.Go(func() { forward(client, server) })
	<-over
}

var errRefused = errors.New("refused")

func (g *Gateway) serveCONNECT(client net.Conn, in *bufio.Reader) (target string, err error) {
	request, err := http.ReadRequest(in)
	if err != nil {
		return "", err
	}
	status := g.asked(GatewayRequest{Protocol: request.Method, Target: request.RequestURI, Header: request.Header})
	if g.settings.Answer != nil {
		g.settings.Answer(client, request)
		_, _ = io.Copy(io.Discard, in) // until the client closes the connection
		return "", errRefused
	}
	wanted := "Basic " + base64.StdEncoding.EncodeToString([]byte(g.settings.User+":"+g.settings.Password))
	if status == 0 && g.settings.User != "" && request.Header.Get("Proxy-Authorization") != wanted {
		status = http.StatusProxyAuthRequired
	}
	if status != 0 {
		_, _ = io.WriteString(client, "HTTP/1.1 "+strconv.Itoa(status)+" "+http.StatusText(status)+"\r\nContent-Length: 0\r\n\r\n")
		return "", errRefused
	}
	_, err = client.Write(append([]byte("HTTP/1.1 200 Connection established\r\n\r\n"), g.settings.Behind...))
	return request.RequestURI, err
}

// Bytes of RFC 1928 and RFC 1929.
const (
	socksVersion     = 5
	socksNoAuth      = 0
	socksPassword    = 2
	socksRefused     = 0xFF
	socksIPv4        = 1
	socksName        = 3
	socksIPv6        = 4
	socksNotAllowed  = 2
	socksAuthVersion = 1
)

func (g *Gateway) serveSOCKS(client net.Conn, in *bufio.Reader) (target string, err error) {
	if err := g.greet(client, in); err != nil {
		return "", err
	}
	var head [4]byte // version, command, reserved, type of address
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return "", err
	}
	var host string
	switch head[3] {
	case socksName:
		name, err := readShort(in)
		if err != nil {
			return "", err
		}
		host = string(name)
	case socksIPv4, socksIPv6:
		ip := make(net.IP, map[byte]int{socksIPv4: net.IPv4len, socksIPv6: net.IPv6len}[head[3]])
		if _, err := io.ReadFull(in, ip); err != nil {
			return "", err
		}
		host = ip.String()
	default:
		return "", errRefused
	}
	var port [2]byte
	if _, err := io.ReadFull(in, port[:]); err != nil {
		return "", err
	}
	target = net.JoinHostPort(host, strconv.Itoa(int(binary.BigEndian.Uint16(port[:]))))
	answer := []byte{socksVersion, 0, 0, socksIPv4, 0, 0, 0, 0, 0, 0}
	if g.asked(GatewayRequest{Protocol: "SOCKS5", Target: target}) != 0 {
		answer[1], err = socksNotAllowed, errRefused
	}
	if _, writeErr := client.Write(answer); writeErr != nil {
		return "", writeErr
	}
	return target, err
}

// greet agrees on a method and checks the password if one is required.
func (g *Gateway) greet(client net.Conn, in *bufio.Reader) error {
	if _, err := in.Discard(1); err != nil { // the version, which serve has seen
		return err
	}
	methods, err := readShort(in)
	if err != nil {
		return err
	}
	method := byte(socksNoAuth)
	if g.settings.User != "" {
		method = socksPassword
	}
	found := false
	for _, offered := range methods {
		found = found || offered == method
	}
	if !found {
		_, _ = client.Write([]byte{socksVersion, socksRefused})
		return errRefused
	}
	if _, err := client.Write([]byte{socksVersion, method}); err != nil || method == socksNoAuth {
		return err
	}
	if _, err := in.Discard(1); err != nil { // version of the password's exchange
		return err
	}
	user, err := readShort(in)
	if err != nil {
		return err
	}
	password, err := readShort(in)
	if err != nil {
		return err
	}
	verdict := byte(0)
	if string(user) != g.settings.User || string(password) != g.settings.Password {
		verdict, err = 1, errRefused
	}
	if _, writeErr := client.Write([]byte{socksAuthVersion, verdict}); writeErr != nil {
		return writeErr
	}
	return err
}

// readShort reads a length of one byte, and that many bytes.
func readShort(in *bufio.Reader) ([]byte, error) {
	length, err := in.ReadByte()
	if err != nil {
		return nil, err
	}
	text := make([]byte, length)
	_, err = io.ReadFull(in, text)
	return text, err
}
