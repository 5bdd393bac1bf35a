// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package wstest

import "net"

// Option configures a Server.
type Option func(*config)

type config struct {
	listener        net.Listener
	addr            string
	script          func(number int) Fault
	keepRecords     bool
	allowViolations bool
	subprotocols    []string
}

// WithListener serves connections of ln, which the Server then owns. Its
// connections should be TCP, or TLS over TCP, for RST and FIN to work.
func WithListener(ln net.Listener) Option {
	return func(c *config) { c.listener = ln }
}

// WithAddr listens on addr instead of 127.0.0.1:0, so that a test can come back
// at the address where an earlier Server was stopped: WithAddr(earlier.Addr()).
func WithAddr(addr string) Option {
	return func(c *config) { c.addr = addr }
}

// WithScript asks script how each connection misbehaves. Connections are
// numbered from 1 in the order they were accepted, over the Server's life.
// script is called from the accepting goroutine, one call at a time.
func WithScript(script func(number int) Fault) Option {
	return func(c *config) { c.script = script }
}

// WithFaults gives connection 1 the first fault, connection 2 the second and so
// on; connections beyond are healthy. It takes the place of WithScript.
func WithFaults(faults ...Fault) Option {
	return WithScript(func(number int) Fault {
		if number > len(faults) {
			return Fault{}
		}
		return faults[number-1]
	})
}

// WithSubprotocols picks the first of the client's offers that is listed here.
// Without it none is picked.
func WithSubprotocols(names ...string) Option {
	return func(c *config) { c.subprotocols = names }
}

// KeepRecords keeps a copy of every data message for Server.Records.
func KeepRecords() Option {
	return func(c *config) { c.keepRecords = true }
}

// AllowViolations keeps violations of RFC 6455 by the client from failing the
// test at its end. Server.Violations lists them either way.
func AllowViolations() Option {
	return func(c *config) { c.allowViolations = true }
}
