// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"time"
)

// progress reports the steps of a dial to an observer, if there is one. It belongs to
// the dialling goroutine.
type progress struct {
	observe func(step, detail string, err error)
	current string // the step under way
	next    string // the step after it
}

func (s *progress) begin(step string) { s.current = step }

// after queues a step to begin after dialling.
func (s *progress) after(step string) { s.next = step }

// done ends the step under way.
func (s *progress) done(detail string) {
	if s.observe != nil && s.current != "" {
		s.observe(s.current, detail, nil)
	}
	s.current, s.next = s.next, ""
}

// end reports the error of a dial, if there is one, as that of the step under way.
func (s *progress) end(err error) {
	if s.observe == nil || err == nil {
		return
	}
	if s.current == "" {
		s.current = "connect"
	}
	s.observe(s.current, "", err)
}

// dialing reports a TCP connection in two steps: looking up the name, and the rest.
func (s *progress) dialing(dial dialFunc) dialFunc {
	if s.observe == nil {
		return dial
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		following := s.next
		s.current, s.next = "resolve "+host, ""
		found, err := net.DefaultResolver.LookupHost(ctx, host)
		if err != nil {
			return nil, err
		}
		s.done(strings.Join(found, ", "))
		// The dialer gets the name and tries all its addresses.
		s.current, s.next = "dial "+address, following
		c, err := dial(ctx, network, address)
		if err == nil {
			s.done(c.RemoteAddr().String())
		}
		return c, err
	}
}

// describeTLS describes the result of a TLS handshake.
func describeTLS(state tls.ConnectionState) string {
	text := tls.VersionName(state.Version) + ", " + tls.CipherSuiteName(state.CipherSuite)
	if len(state.PeerCertificates) > 0 {
		leaf := state.PeerCertificates[0]
		text += fmt.Sprintf(", certificate of %s, valid until %s", leaf.Subject, leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	return text
}
