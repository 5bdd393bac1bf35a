// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"

	"filebeat-websocket/receiver/access"
)

// guard is who may come in.
type admission struct {
	tokens    *access.Tokens // nil if none are needed
	tls       *tls.Config    // nil without TLS
	sharedKey string
}

func openAdmission(s settings, log *slog.Logger) (g admission, err error) {
	onError := func(err error) {
		log.Error("a changed file can't be used; what it held before stays in force", "error", err)
	}
	if s.tokenFile != "" {
		if g.tokens, err = access.OpenTokens(s.tokenFile, onError); err != nil {
			return g, fmt.Errorf("flag --token-file: %w", err)
		}
	}
	if s.tlsCert != "" {
		files := access.TLSFiles{Certificate: s.tlsCert, Key: s.tlsKey, ClientCA: s.clientCA, OnError: onError}
		if g.tls, err = access.NewTLSConfig(files); err != nil {
			return g, err
		}
	}
	if s.sharedKeyFile != "" {
		if g.sharedKey, err = readSharedKey(s.sharedKeyFile); err != nil {
			return g, fmt.Errorf("flag --shared-key-file: %w", err)
		}
	}
	return g, nil
}

// readSharedKey takes the file without the line break at its end.
func readSharedKey(name string) (string, error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	key := bytes.TrimRight(content, "\r\n")
	if len(key) == 0 {
		return "", fmt.Errorf("%s: no key in it", name)
	}
	if bytes.ContainsAny(key, "\r\n") {
		return "", fmt.Errorf("%s: more than one line", name)
	}
	return string(key), nil
}

// require lets requests through that have a token, where one is needed.
func (g admission) require(next http.Handler) http.Handler {
	if g.tokens == nil {
		return next
	}
	return g.tokens.Require(next)
}

func (g admission) scheme() string {
	if g.tls == nil {
		return "ws"
	}
	return "wss"
}

// listen is by TLS where that is wanted.
func (g admission) listen(ctx context.Context, address string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil || g.tls == nil {
		return listener, err
	}
	return tls.NewListener(listener, g.tls), nil
}

// warn says what others could read or do.
func (g admission) warn(log *slog.Logger, s settings, address net.Addr) {
	switch {
	case isLoopback(address):
	case g.tokens == nil && s.clientCA == "":
		log.Warn("anyone who reaches this address can write records: it is not a loopback address", "address", address.String())
	case g.tls == nil:
		log.Warn("tokens and records travel in the clear without --tls-cert, unless a proxy before this does TLS", "address", address.String())
	}
}

func isLoopback(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// checkInsecure wants a word from who opens the door to everyone. A name, but
// localhost, can mean any address.
func checkInsecure(s settings) error {
	if s.insecure || s.tokenFile != "" || s.clientCA != "" {
		return nil
	}
	host, _, err := net.SplitHostPort(s.listen)
	if err != nil {
		return err
	}
	if strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback() {
		return nil
	}
	return errors.New("anyone who reaches this address could write records: give --token-file or --client-ca, or --insecure if that is meant")
}
