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

// progress tells an observer how far a dial has come. Without one it does nothing.
// It belongs to the dialling goroutine.
type progress struct {
	observe func(step, detail string, err error)
	current string // the step under way
	next    string // the step that begins when that one is done
}

func (s *progress) begin(step string) { s.current = step }

// after has a step begin when the one that comes first, dialling, is done.
func (s *progress) after(step string) { s.next = step }

// done ends the step under way.
func (s *progress) done(detail string) {
	if s.observe != nil && s.current != "" {
		s.observe(s.current, detail, nil)
	}
	s.current, s.next = s.next, ""
}

// end tells of the error with which the dial ended, if it did: the step under
// way is the one that failed.
func (s *progress) end(err error) {
	if s.observe == nil || err == nil {
		return
	}
	if s.current == "" {
		s.current = "connect"
	}
	s.observe(s.current, "", err)
}

// dialing makes two steps of a TCP connection: its name and the rest.
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
		// The name goes to the dialer, which tries all its addresses.
		s.current, s.next = "dial "+address, following
		c, err := dial(ctx, network, address)
		if err == nil {
			s.done(c.RemoteAddr().String())
		}
		return c, err
	}
}

// describeTLS names what a handshake led to.
func describeTLS(state tls.ConnectionState) string {
	text := tls.VersionName(state.Version) + ", " + tls.CipherSuiteName(state.CipherSuite)
	if len(state.PeerCertificates) > 0 {
		leaf := state.PeerCertificates[0]
		text += fmt.Sprintf(", certificate of %s, valid until %s", leaf.Subject, leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	return text
}
