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

	"filebeat-websocket/receiver"
)

// access is who may come in.
type access struct {
	tokens    *receiver.Tokens // nil if none are needed
	tls       *tls.Config      // nil without TLS
	sharedKey string
}

func openAccess(s settings, log *slog.Logger) (a access, err error) {
	onError := func(err error) {
		log.Error("a changed file can't be used; what it held before stays in force", "error", err)
	}
	if s.tokenFile != "" {
		if a.tokens, err = receiver.OpenTokens(s.tokenFile, onError); err != nil {
			return a, fmt.Errorf("flag --token-file: %w", err)
		}
	}
	if s.tlsCert != "" {
		files := receiver.TLSFiles{Certificate: s.tlsCert, Key: s.tlsKey, ClientCA: s.clientCA, OnError: onError}
		if a.tls, err = receiver.NewTLSConfig(files); err != nil {
			return a, err
		}
	}
	if s.sharedKeyFile != "" {
		if a.sharedKey, err = readSharedKey(s.sharedKeyFile); err != nil {
			return a, fmt.Errorf("flag --shared-key-file: %w", err)
		}
	}
	return a, nil
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
func (a access) require(next http.Handler) http.Handler {
	if a.tokens == nil {
		return next
	}
	return a.tokens.Require(next)
}

func (a access) scheme() string {
	if a.tls == nil {
		return "ws"
	}
	return "wss"
}

// listen is by TLS where that is wanted.
func (a access) listen(ctx context.Context, address string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil || a.tls == nil {
		return listener, err
	}
	return tls.NewListener(listener, a.tls), nil
}

// warn says what others could read or do.
func (a access) warn(log *slog.Logger, s settings, address net.Addr) {
	switch {
	case isLoopback(address):
	case a.tokens == nil && s.clientCA == "":
		log.Warn("anyone who reaches this address can write records: it is not a loopback address", "address", address.String())
	case a.tls == nil:
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
