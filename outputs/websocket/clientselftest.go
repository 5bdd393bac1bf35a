// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	libtesting "github.com/elastic/elastic-agent-libs/testing"

	"filebeat-websocket/outputs/websocket/ack"
	"filebeat-websocket/outputs/websocket/internal/conn"
)

// selfTest is the progress of `test output` over all clients. libbeat tests them
// one after the other, and its driver ends the process at a fatal error. Every host
// is to be tested, once, however many workers it has. So failures are plain errors
// until the last client is done.
type selfTest struct {
	mutex  sync.Mutex
	hosts  map[string]bool // tested
	left   int             // clients not tested yet
	failed []string        // hosts
}

// begin reports whether the host has yet to be tested, and marks it as tested.
func (s *selfTest) begin(host string) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.hosts[host] {
		return false
	}
	if s.hosts == nil {
		s.hosts = map[string]bool{}
	}
	s.hosts[host] = true
	return true
}

func (s *selfTest) fail(host string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.failed = append(s.failed, host)
}

// end returns an error after the last client if any host failed.
func (s *selfTest) end() error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.left--
	if s.left > 0 || len(s.failed) == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d hosts failed: %s", len(s.failed), len(s.hosts), strings.Join(s.failed, ", "))
}

// Test implements testing.Testable for `filebeat test output`: it connects as
// Connect does, and reports every step.
func (c *client) Test(d libtesting.Driver) {
	if c.selfTest.begin(hostKey(c.endpoint, c.user)) {
		d.Run(displayURL(c.endpoint), func(d libtesting.Driver) {
			if err := c.testSteps(d); err != nil {
				c.selfTest.fail(displayURL(c.endpoint))
			}
		})
	}
	if err := c.selfTest.end(); err != nil {
		d.Fatal("test output", err)
	}
}

// hostKey identifies a host, including the parts of its URL that logs hide.
func hostKey(endpoint *url.URL, user *url.Userinfo) string {
	whole := *endpoint
	whole.User = user
	return whole.String()
}

// testSteps reports each step, and returns the error of the step that failed.
func (c *client) testSteps(d libtesting.Driver) error {
	var failed error // what has been reported
	report := func(step, detail string, err error) {
		switch {
		case errors.Is(err, conn.ErrCompression):
			d.Warn(step, err.Error()+"; trying without")
			return
		case err != nil:
			failed = err
		case detail != "":
			step += " (" + detail + ")"
		}
		d.Error(step, err)
	}
	connection, err := c.dial(report)
	if err != nil {
		if failed == nil {
			report("settings", "", err)
		}
		return err
	}
	d.Info("subprotocol", orNone(connection.Subprotocol()))
	d.Info("compression", c.testCompression(connection))

	probe := &pingProbe{Strategy: c.newStrategy()}
	options := c.sessionOptions()
	options.Ended = nil
	begun := time.Now()
	opened, err := c.open(connection, probe, options)
	step := "Ping and Pong"
	if probe.ponged {
		report(step, probe.took.Round(time.Microsecond).String(), nil)
		step = "confirmations"
	}
	if err != nil {
		report(step, "", err)
		return err
	}
	if note := opened.Note(); note != "" {
		d.Warn("Ping and Pong", note)
	}
	if c.config.Ack == "message" {
		report("ack: message", "ready after "+time.Since(begun).Round(time.Microsecond).String(), nil)
	}
	ctx, cancel := context.WithTimeout(c.lifecycle.ctx, c.config.CloseTimeout)
	defer cancel()
	opened.Close(ctx)
	return nil
}

func (c *client) testCompression(connection *conn.Conn) string {
	switch {
	case connection.Compressed():
		return "permessage-deflate, level " + strconv.Itoa(c.config.CompressionLevel)
	case c.config.CompressionLevel == 0:
		return "none, not offered"
	default:
		return "none, the server declined"
	}
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// pingProbe is a strategy that is not ready before a Ping is answered, whichever
// strategy confirms messages.
type pingProbe struct {
	ack.Strategy
	own    bool // the Ping is this type's, not the strategy's
	sent   time.Time
	ponged bool
	took   time.Duration
}

func (p *pingProbe) Open() ack.Verdict {
	verdict := p.Strategy.Open()
	if verdict.Ping == nil {
		p.own, verdict.Ping = true, []byte("test")
	}
	p.sent = time.Now()
	return verdict
}

func (p *pingProbe) Ready() bool { return p.ponged && p.Strategy.Ready() }

func (p *pingProbe) Pong(payload []byte) ack.Verdict {
	if !p.ponged {
		p.ponged, p.took = true, time.Since(p.sent)
		if p.own {
			return ack.Verdict{}
		}
	}
	return p.Strategy.Pong(payload)
}

// Unwrap returns the strategy inside, for ack.As.
func (p *pingProbe) Unwrap() ack.Strategy { return p.Strategy }

var _ libtesting.Testable = (*client)(nil)
