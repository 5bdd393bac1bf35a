// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"errors"
	"fmt"
	"strings"

	"filebeat-websocket/outputs/websocket/ack"
	"filebeat-websocket/outputs/websocket/internal/advice"
	"filebeat-websocket/outputs/websocket/internal/conn"
	"filebeat-websocket/outputs/websocket/internal/discreet"
	"filebeat-websocket/outputs/websocket/internal/session"
)

// dial opens a connection to the client's host. If observe is not nil, it is
// called after each step.
func (c *client) dial(observe func(step, detail string, err error)) (*conn.Conn, error) {
	options, err := c.dialOptions()
	if err != nil {
		return nil, err
	}
	options.Observe = observe
	connection, err := conn.Dial(c.lifecycle.ctx, options)
	if errors.Is(err, conn.ErrCompression) {
		if _, known := c.plain.LoadOrStore(c.endpoint.Host, true); !known {
			c.log.Warnf("%v: %v; messages are sent there uncompressed", displayURL(c.endpoint), err)
		}
		options.CompressionLevel = 0
		connection, err = conn.Dial(c.lifecycle.ctx, options)
	}
	return connection, err
}

// dialOptions returns what a dial needs. It reads credentials, certificates and
// keys each time, so that rotated ones are used.
func (c *client) dialOptions() (conn.Options, error) {
	header, err := c.dialHeader()
	if err != nil {
		return conn.Options{}, err
	}
	options := conn.Options{
		URL:                  c.endpoint,
		Header:               header,
		Secrets:              c.config.hiddenSettings(),
		ConnectTimeout:       c.config.ConnectTimeout,
		WriteTimeout:         c.config.WriteTimeout,
		MaxFrameBytes:        int(c.config.MaxFrameBytes),
		MaxReadBytes:         int64(c.config.MaxReadBytes),
		CompressionLevel:     c.config.CompressionLevel,
		CompressionThreshold: int(c.config.CompressionThreshold),
		Traffic:              traffic{c.observer, c.stats},
		Resolve:              c.resolve,
		Addresses:            &c.addresses,
	}
	if _, known := c.plain.Load(c.endpoint.Host); known {
		options.CompressionLevel = 0
	}
	options.Subprotocols, options.RequiredSubprotocol = c.subprotocols()
	options.RequireSubprotocol = c.config.RequireSubprotocol
	if c.endpoint.Scheme == "wss" {
		if options.TLS, err = c.tlsConfig(); err != nil {
			return conn.Options{}, err
		}
	}
	options.Proxy, err = c.proxy()
	options.Explain = func(err error) string { return advice.For(err, c.adviceSettings(options.Proxy)) }
	return options, err
}

// adviceSettings returns what advice about a failed dial depends on.
func (c *client) adviceSettings(proxy *conn.Proxy) advice.Settings {
	settings := advice.Settings{
		Secure:               c.endpoint.Scheme == "wss",
		ClientCertificate:    c.config.TLS != nil && c.config.TLS.Certificate.Certificate != "",
		Credentials:          strings.Join(c.config.credentialSettings(), ", "),
		ProxyUser:            proxy != nil && proxy.URL.User != nil,
		ProxyFromEnvironment: c.config.ProxyURL == "",
	}
	if c.user != nil {
		settings.Credentials = "the user in hosts"
	}
	return settings
}

func (c *client) ackConfig() ack.Config {
	return ack.Config{Field: c.config.AckField, MaxReadBytes: int(c.config.MaxReadBytes)}
}

func (c *client) newStrategy() ack.Strategy { return c.withHandshake(c.ack.New(c.ackConfig())) }

// open starts a session on a connection and waits until the server is known to
// answer.
func (c *client) open(connection *conn.Conn, strategy ack.Strategy, options session.Options) (*session.Session, error) {
	return session.Open(c.lifecycle.ctx, discreet.Conn{Conn: connection},
		discreet.Strategy{Strategy: strategy, Redact: connection.Redact}, options)
}

func (c *client) sessionOptions() session.Options {
	return session.Options{
		Binary:       c.format.binary,
		Pipelining:   c.config.Pipelining,
		Timeout:      c.config.Timeout,
		PingInterval: c.config.PingInterval,
		MaxPause:     c.config.Backoff.Max,
		Ended:        c.ended,
		Ignored: func(err error) {
			c.logSeldom(c.log.Warn, fmt.Sprintf("%v sent a message that was ignored: %v", displayURL(c.endpoint), err))
		},
		RoundTrip: c.stats.roundTrip,
	}
}
