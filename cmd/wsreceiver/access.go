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

// admission decides who may connect.
type admission struct {
	tokens    *access.Tokens // nil if no token is required
	tls       *tls.Config    // nil without TLS
	sharedKey string
}

func openAdmission(s settings, log *slog.Logger) (g admission, err error) {
	onError := func(err error) {
		log.Error("a changed file cannot be used; its previous content stays in force", "error", err)
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

// readSharedKey returns the content of the file without the line break at its end.
func readSharedKey(name string) (string, error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	key := bytes.TrimRight(content, "\r\n")
	if len(key) == 0 {
		return "", fmt.Errorf("%s: contains no key", name)
	}
	if bytes.ContainsAny(key, "\r\n") {
		return "", fmt.Errorf("%s: more than one line", name)
	}
	return string(key), nil
}

// require answers 401 to requests without a valid token, if tokens are required.
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

// listen uses TLS if a certificate is set.
func (g admission) listen(ctx context.Context, address string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil || g.tls == nil {
		return listener, err
	}
	return tls.NewListener(listener, g.tls), nil
}

// warn logs what others could read or write.
func (g admission) warn(log *slog.Logger, s settings, address net.Addr) {
	switch {
	case isLoopback(address):
	case g.tokens == nil && s.clientCA == "":
		log.Warn("anyone who reaches this address can write records: it is not a loopback address", "address", address.String())
	case g.tls == nil:
		log.Warn("tokens and records are sent unencrypted: use --tls-cert, or a proxy that terminates TLS", "address", address.String())
	}
}

func isLoopback(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// checkInsecure requires --insecure to listen beyond loopback without
// authentication. A name other than localhost can resolve to any address.
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
	return errors.New("anyone who reaches this address could write records: use --token-file or --client-ca, or --insecure to allow it")
}
