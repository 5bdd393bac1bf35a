// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"strconv"
	"time"

	libtesting "github.com/elastic/elastic-agent-libs/testing"

	"filebeat-websocket/outputs/websocket/internal/conn"
	"filebeat-websocket/outputs/websocket/internal/selftest"
)

// Test implements testing.Testable for `filebeat test output`: it connects as
// Connect does, and reports every step.
func (c *client) Test(d libtesting.Driver) {
	if c.selfTest.Begin(hostKey(c.endpoint, c.user)) {
		d.Run(displayURL(c.endpoint), func(d libtesting.Driver) {
			if err := c.testSteps(d); err != nil {
				c.selfTest.Fail(displayURL(c.endpoint))
			}
		})
	}
	if err := c.selfTest.End(); err != nil {
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
	d.Info("subprotocol", cmp.Or(connection.Subprotocol(), "none"))
	d.Info("compression", c.testCompression(connection))

	probe := &selftest.Probe{Strategy: c.newStrategy()}
	options := c.sessionOptions()
	options.Ended = nil
	begun := time.Now()
	opened, err := c.open(connection, probe, options)
	step := "Ping and Pong"
	if took, ponged := probe.Took(); ponged {
		report(step, took.Round(time.Microsecond).String(), nil)
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

var _ libtesting.Testable = (*client)(nil)
