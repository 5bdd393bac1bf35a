// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/http/httpproxy"

	"filebeat-websocket/outputs/websocket/internal/certs"
	"filebeat-websocket/outputs/websocket/internal/conn"
	"filebeat-websocket/outputs/websocket/internal/endpoint"
)

// ofConnect are headers that belong to the request CONNECT itself.
var ofConnect = []string{"Host", "Connection", "Upgrade", "Content-Length", "Transfer-Encoding", "Trailer"}

// validateProxy checks the settings of the proxy. The errors do not contain values.
func (c *config) validateProxy() (problems []error) {
	bad := func(key, format string, args ...any) {
		problems = append(problems, settingError(key, fmt.Errorf(format, args...)))
	}
	hasUser := false
	if c.ProxyURL != "" {
		u, err := endpoint.ParseProxy(c.ProxyURL)
		switch {
		case err != nil:
			bad("proxy_url", "%w", err)
		case strings.HasPrefix(u.Scheme, "socks") && len(c.ProxyHeaders) > 0:
			bad("proxy_headers", "are for http and https, and proxy_url is %s", u.Scheme)
		case u.Scheme == "socks5h" && c.ProxyLocalResolver:
			bad("proxy_use_local_resolver", "does not go with socks5h, which resolves at the proxy; use socks5")
		default:
			hasUser = u.User != nil
		}
		if c.ProxyDisable {
			bad("proxy_url", "does not go with proxy_disable: true")
		}
	}
	for name, value := range c.ProxyHeaders {
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			bad("proxy_headers", "%q is not a valid header name", name)
		case slices.Contains(ofConnect, canonical):
			bad("proxy_headers", "%s belongs to CONNECT and cannot be set", name)
		case !httpguts.ValidHeaderFieldValue(value):
			bad("proxy_headers", "the value of %s contains a byte that is not allowed in a header", name)
		case canonical == "Proxy-Authorization" && hasUser:
			bad("proxy_headers", "%s does not go with a user in proxy_url: set only one of them", name)
		}
	}
	return problems
}

// proxyURL returns the URL of the proxy for the host, nil for none. The environment
// is read as everywhere in Go: HTTPS_PROXY for wss, HTTP_PROXY for ws, neither for
// loopback and for hosts in NO_PROXY.
func (c *client) proxyURL() (*url.URL, error) {
	switch {
	case c.config.ProxyDisable:
		return nil, nil
	case c.config.ProxyURL != "":
		u, err := endpoint.ParseProxy(c.config.ProxyURL)
		if err != nil {
			return nil, settingError("proxy_url", err)
		}
		return u, nil
	}
	environment, request := httpproxy.FromEnvironment(), *c.endpoint
	request.Scheme = "http"
	text := &environment.HTTPProxy
	if c.endpoint.Scheme == "wss" {
		request.Scheme, text = "https", &environment.HTTPSProxy
	}
	u, err := endpoint.ParseProxy(*text)
	if *text != "" && err != nil {
		*text = "http://proxy" // package httpproxy takes one that it cannot read for none
	}
	wanted, wrong := environment.ProxyFunc()(&request)
	if wrong == nil && wanted == nil {
		return nil, nil
	}
	if err = errors.Join(wrong, err); err != nil {
		return nil, fmt.Errorf("the URL of the proxy in the environment: %w", err)
	}
	return u, nil
}

// proxy returns the proxy to dial through, nil if there is none.
func (c *client) proxy() (*conn.Proxy, error) {
	u, err := c.proxyURL()
	if u == nil || err != nil {
		return nil, err
	}
	header := http.Header{"User-Agent": c.header["User-Agent"]}
	for name, value := range c.config.ProxyHeaders {
		header.Set(name, value)
	}
	p := &conn.Proxy{URL: u, Header: header, ResolveHere: c.config.ProxyLocalResolver}
	if u.Scheme == "https" {
		if p.TLS, err = certs.ForProxy(c.config.TLS.common(), u.Hostname()); err != nil {
			return nil, settingError("ssl", err)
		}
	}
	return p, nil
}
