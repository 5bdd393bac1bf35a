// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
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

// listed returns the hosts of addresses, for a step's detail.
func listed(addresses []string) string {
	hosts := make([]string, len(addresses))
	for i, address := range addresses {
		hosts[i], _, _ = net.SplitHostPort(address)
	}
	return strings.Join(hosts, ", ")
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
