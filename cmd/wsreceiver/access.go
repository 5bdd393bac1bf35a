// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"

	"filebeat-websocket/receiver/access"
)

// spareConnections are those beyond --max-connections, for health checks, metrics, the
// live tail and requests that have not become anything yet.
const spareConnections = 128

// admission decides who may connect.
type admission struct {
	guard     *access.Guard
	tls       *tls.Config       // nil without TLS
	sharedKey *access.SharedKey // nil without one
	users     *access.Users     // nil if the key is enough
}

func openAdmission(s settings, log *slog.Logger) (g admission, err error) {
	onError := func(err error) {
		log.Error("a changed file cannot be used; its previous content stays in force", "error", err)
	}
	options := access.GuardOptions{Origins: s.origins()}
	if s.tokenFile != "" {
		tokens, err := access.OpenTokens(s.tokenFile, onError)
		if err != nil {
			return g, fmt.Errorf("flag --token-file: %w", err)
		}
		options.Valid = tokens.Valid
	}
	if host, _, err := net.SplitHostPort(s.listen); err == nil {
		options.Names = []string{host}
	}
	if g.guard, err = access.NewGuard(options); err != nil {
		return g, fmt.Errorf("flag --allow-origin: %w", err)
	}
	if s.tlsCert != "" {
		files := access.TLSFiles{Certificate: s.tlsCert, Key: s.tlsKey, ClientCA: s.clientCA, OnError: onError}
		if g.tls, err = access.NewTLSConfig(files); err != nil {
			return g, fmt.Errorf("flag --tls-cert: %w", err)
		}
	}
	if s.sharedKeyFile != "" {
		if g.sharedKey, err = access.OpenSharedKey(s.sharedKeyFile, onError); err != nil {
			return g, fmt.Errorf("flag --shared-key-file: %w", err)
		}
	}
	if s.userFile != "" {
		if g.users, err = access.OpenUsers(s.userFile, onError); err != nil {
			return g, fmt.Errorf("flag --user-file: %w", err)
		}
	}
	return g, nil
}

func (g admission) scheme() string {
	if g.tls == nil {
		return "ws"
	}
	return "wss"
}

// listen opens the address. Its connections are counted before anything is read from
// them: whoever sends nothing must not take the place of those who do.
func listen(ctx context.Context, s settings, log *slog.Logger) (*access.Listener, error) {
	return listenOn(ctx, "listen", s.listen, s, log)
}

// listenOn is listen for the address of any flag.
func listenOn(ctx context.Context, flag, address string, s settings, log *slog.Logger) (*access.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("flag --%s: %w", flag, err)
	}
	refused := occasional{interval: refusalInterval}
	return access.NewListener(listener, access.ListenerOptions{
		Connections: s.maxConnections + spareConnections,
		PerAddress:  s.perAddress,
		OnRefused: func(address string) {
			if more, ok := refused.due(); ok {
				log.Warn("connection refused: too many from this address, or in all", "address", address, "more_before", more)
			}
		},
	}), nil
}

// secured uses TLS if a certificate is set.
func (g admission) secured(listener net.Listener) net.Listener {
	if g.tls == nil {
		return listener
	}
	return tls.NewListener(listener, g.tls)
}

// warn logs what others could read or write.
func (g admission) warn(log *slog.Logger, s settings, address net.Addr) {
	for _, file := range []struct {
		flag, name string
		secret     bool
	}{
		{"--token-file", s.tokenFile, true},
		{"--shared-key-file", s.sharedKeyFile, true},
		{"--user-file", s.userFile, true},
		{"--tls-key", s.tlsKey, true},
		{"--tls-cert", s.tlsCert, false},
		{"--client-ca", s.clientCA, false},
	} {
		if file.name == "" {
			continue
		}
		if err := access.CheckPermissions(file.name, file.secret); err != nil {
			log.Warn("the permissions of a file are too wide", "flag", file.flag, "error", err)
		}
	}
	switch {
	case isLoopback(address):
	case !g.guard.NeedsToken() && s.clientCA == "":
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
	if isLoopbackHost(s.listen) {
		return nil
	}
	return errors.New("anyone who reaches this address could write records: use --token-file or --client-ca, or --insecure to allow it")
}

// isLoopbackHost reports whether host:port can be reached from this machine only.
func isLoopbackHost(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && (strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback())
}
