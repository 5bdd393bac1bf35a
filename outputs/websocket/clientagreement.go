// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"filebeat-websocket/outputs/websocket/internal/conn"
)

// validateAgreement checks the settings of compression and subprotocols.
func (c *config) validateAgreement() (problems []error) {
	bad := func(key, format string, args ...any) {
		problems = append(problems, settingError(key, fmt.Errorf(format, args...)))
	}
	if c.CompressionLevel < 0 || c.CompressionLevel > conn.MaxCompressionLevel {
		bad("compression_level", "must be between 0 and %d, is %d", conn.MaxCompressionLevel, c.CompressionLevel)
	}
	if c.CompressionThreshold < 0 {
		bad("compression_threshold", "must be at least 0, is %d", c.CompressionThreshold)
	}
	for i, name := range c.Subprotocols {
		switch {
		case !httpguts.ValidHeaderFieldName(name): // a token, as a subprotocol is
			bad("subprotocols", "%q is not a valid subprotocol name", name)
		case slices.Contains(c.Subprotocols[:i], name):
			bad("subprotocols", "%s is listed twice", name)
		}
	}
	if c.RequireSubprotocol && len(c.Subprotocols) == 0 && c.strategyName() != "message" {
		problems = append(problems, settingError("required_subprotocol", errors.New("needs subprotocols to choose from")))
	}
	return problems
}

// validateNames checks the names under which the server is asked for.
func (c *config) validateNames() (problems []error) {
	bad := func(key, format string, args ...any) {
		problems = append(problems, settingError(key, fmt.Errorf(format, args...)))
	}
	if c.HostHeader != "" && (!httpguts.ValidHostHeader(c.HostHeader) || strings.ContainsAny(c.HostHeader, "/@ ")) {
		bad("host_header", "must be a host name, with or without a port, is %q", c.HostHeader)
	}
	if c.TLS != nil && c.TLS.ServerName != "" && (!httpguts.ValidHostHeader(c.TLS.ServerName) || strings.ContainsAny(c.TLS.ServerName, "/@: ")) {
		bad("ssl.server_name", "must be a host name, without a port, is %q", c.TLS.ServerName)
	}
	return problems
}

// subprotocols returns the subprotocols to offer, in order, and the one that the
// server has to pick, if any. The one that confirmations need comes first.
func (c *client) subprotocols() (offered []string, required string) {
	offered = c.config.Subprotocols
	if c.ack.Subprotocol == nil {
		return offered, ""
	}
	required = c.ack.Subprotocol(c.ackConfig())
	if required == "" {
		return offered, ""
	}
	others := slices.DeleteFunc(slices.Clone(offered), func(name string) bool { return name == required })
	return append([]string{required}, others...), required
}

// agreed returns, for the log, the subprotocol and extension that the server picked.
func agreed(connection *conn.Conn) string {
	text := ""
	if name := connection.Subprotocol(); name != "" {
		text += ", " + name
	}
	if connection.Compressed() {
		text += ", compressed"
	}
	return text
}
