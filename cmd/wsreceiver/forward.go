// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/access"
	"filebeat-websocket/receiver/forward"
	"filebeat-websocket/receiver/handshake"
)

// overForward takes records of Fluent Forward over TCP, with --forward-listen. The zero
// value takes none.
type overForward struct {
	server   *forward.Server
	listener net.Listener
	packets  net.PacketConn // for heartbeats
	served   chan error
}

// usualForwardBytes is the least --forward-max-bytes unless --max-memory is set: room for
// a chunk of Fluentd's default chunk_limit_size, 8 MiB, and what its request has beside it.
const usualForwardBytes = 8<<20 + 64<<10

// forwardBytesFor returns how long a request may be: what is set, or as much as the memory
// has room for.
func forwardBytesFor(s settings, maxMemory int64) int64 {
	if s.forwardMaxBytes != 0 {
		return int64(s.forwardMaxBytes)
	}
	return min(forward.DefaultMaxRequestBytes, maxMemory/memoryFactor)
}

// openForward listens.
func openForward(ctx context.Context, s settings, maxMemory int64, guard admission, intake *receiver.Intake, log *slog.Logger) (f overForward, err error) {
	if s.forwardListen == "" {
		return f, nil
	}
	refused := occasional{interval: refusalInterval}
	f.server, err = forward.NewServer(intake, forward.Options{
		Access:           guard.forward(),
		MaxRequestBytes:  forwardBytesFor(s, maxMemory),
		MaxConnectionAge: s.maxConnectionAge,
		NoAcks:           s.ack == "none",
		Sender:           access.ConnSender,
		Admitted:         access.KeepConn,
		Refused: func(ctx context.Context, remoteAddr string, why error) {
			if more, ok := refused.due(); ok {
				log.Warn("Fluent Forward connection refused", "remote", remoteAddr, "cause", why, "more_before", more)
			}
			if errors.Is(why, forward.ErrDenied) {
				guard.guard.FailedFrom(ctx, remoteAddr)
			}
		},
	})
	if err != nil {
		return f, fmt.Errorf("flag --forward-max-bytes: %w", err)
	}
	listener, err := listenOn(ctx, "forward-listen", s.forwardListen, s, log)
	if err != nil {
		return f, err
	}
	// Fluentd asks by UDP, on the same port, with heartbeat_type udp.
	if f.packets, err = (&net.ListenConfig{}).ListenPacket(ctx, "udp", listener.Addr().String()); err != nil {
		_ = listener.Close()
		return f, fmt.Errorf("flag --forward-listen: %w", err)
	}
	f.listener, f.served = listener, make(chan error, 2)
	return f, nil
}

// serve accepts connections until shutdown.
func (f overForward) serve(s settings, guard admission, log *slog.Logger) {
	if f.server == nil {
		return
	}
	guard.warnOfForward(log, s, f.listener.Addr())
	log.Info("listening for Fluent Forward", "address", f.listener.Addr().String(), "tls", guard.tls != nil)
	go func() { f.served <- f.server.Serve(guard.secured(f.listener)) }()
	go func() { f.served <- f.server.ServeHeartbeats(f.packets) }()
}

// retire ends connections over half of within.
func (f overForward) retire(within time.Duration) {
	if f.server != nil {
		f.server.Retire(within)
	}
}

// shutdown ends the connections, and after them what serve began.
func (f overForward) shutdown(ctx context.Context, log *slog.Logger) {
	if f.server == nil {
		return
	}
	if err := f.server.Shutdown(ctx); err != nil {
		log.Warn("some Fluent Forward connections did not close in time", "error", err)
	}
	for range cap(f.served) {
		if err := <-f.served; err != nil && !errors.Is(err, forward.ErrServerClosed) {
			log.Error("Fluent Forward ended", "error", err)
		}
	}
}

// forward is who may come in with the handshake of Fluent Forward.
func (g admission) forward() handshake.Options {
	if g.sharedKey == nil {
		return handshake.Options{}
	}
	return handshake.Options{Secrets: func() (string, map[string]string) {
		if g.users == nil {
			return g.sharedKey.Get(), nil
		}
		return g.sharedKey.Get(), g.users.Get()
	}}
}

// warnOfForward logs what others could read or write.
func (g admission) warnOfForward(log *slog.Logger, s settings, address net.Addr) {
	switch {
	case isLoopback(address):
	case g.sharedKey == nil && s.clientCA == "":
		log.Warn("anyone who reaches this address can write records: it is not a loopback address", "address", address.String())
	case g.tls == nil:
		log.Warn("records are sent unencrypted: use --tls-cert", "address", address.String())
	}
}

// checkForwardInsecure requires --insecure to listen beyond loopback without
// authentication.
func checkForwardInsecure(s settings) error {
	if s.forwardListen == "" || s.insecure || s.sharedKeyFile != "" || s.clientCA != "" || isLoopbackHost(s.forwardListen) {
		return nil
	}
	return errors.New("anyone who reaches this address could write records: use --shared-key-file or --client-ca, or --insecure to allow it")
}

func checkForwardListen(address string) error {
	if address == "" {
		return nil
	}
	return checkListen(address)
}
