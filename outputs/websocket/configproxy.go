// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/http/httpproxy"

	"github.com/elastic/elastic-agent-libs/transport/tlscommon"

	"filebeat-websocket/outputs/websocket/internal/conn"
)

// proxyPorts has the default port of each scheme of a proxy.
var proxyPorts = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}

// ofConnect are headers that belong to the request CONNECT itself.
var ofConnect = []string{"Host", "Connection", "Upgrade", "Content-Length", "Transfer-Encoding", "Trailer"}

// validateProxy checks the settings of the proxy. The errors do not contain values.
func (c *config) validateProxy() (problems []error) {
	bad := func(key, format string, args ...any) {
		problems = append(problems, settingError(key, fmt.Errorf(format, args...)))
	}
	hasUser := false
	if c.ProxyURL != "" {
		u, err := parseProxyURL(c.ProxyURL)
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

// parseProxyURL reads proxy_url. The errors do not quote it: it may contain a
// password.
func parseProxyURL(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("is not a valid URL")
	}
	return completeProxyURL(u)
}

// completeProxyURL checks the URL of a proxy and adds the port.
func completeProxyURL(u *url.URL) (*url.URL, error) {
	port, known := proxyPorts[u.Scheme]
	if !known {
		return nil, fmt.Errorf("unknown scheme %q, known are http, https, socks5 and socks5h", u.Scheme)
	}
	if u.Hostname() == "" {
		return nil, errors.New("has no host name")
	}
	if u.User != nil {
		if err := checkUser(u.User); err != nil {
			return nil, err
		}
	}
	if u.Port() != "" {
		port = u.Port()
	}
	if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
		return nil, fmt.Errorf("port %q is not between 1 and 65535", port)
	}
	return &url.URL{Scheme: u.Scheme, User: u.User, Host: net.JoinHostPort(u.Hostname(), port)}, nil
}

// proxyURL returns the URL of the proxy for the host, nil for none. The environment
// is read as everywhere in Go: HTTPS_PROXY for wss, HTTP_PROXY for ws, neither for
// loopback and for hosts in NO_PROXY.
func (c *client) proxyURL() (*url.URL, error) {
	switch {
	case c.config.ProxyDisable:
		return nil, nil
	case c.config.ProxyURL != "":
		u, err := parseProxyURL(c.config.ProxyURL)
		if err != nil {
			return nil, settingError("proxy_url", err)
		}
		return u, nil
	}
	request := *c.endpoint
	request.Scheme = map[string]string{"ws": "http", "wss": "https"}[c.endpoint.Scheme]
	u, err := httpproxy.FromEnvironment().ProxyFunc()(&request)
	if err == nil && u != nil {
		u, err = completeProxyURL(u)
	}
	if err != nil {
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
		if p.TLS, err = proxyTLS(c.config.TLS.common(), u.Hostname()); err != nil {
			return nil, settingError("ssl", err)
		}
	}
	return p, nil
}

// proxyTLS trusts the authorities of the system and those in the settings. The
// other TLS settings are about the server and do not apply to the proxy.
func proxyTLS(settings *tlscommon.Config, host string) (*tls.Config, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool() // the system has none
	}
	if settings != nil {
		for _, authority := range settings.CAs {
			if err := addAuthority(roots, authority); err != nil {
				return nil, err
			}
		}
	}
	return &tls.Config{ServerName: host, RootCAs: roots, MinVersion: tls.VersionTLS12}, nil
}

// addAuthority adds the certificates of a file, or of PEM text.
func addAuthority(roots *x509.CertPool, authority string) error {
	reader, err := tlscommon.NewPEMReader(authority)
	if err != nil {
		return err
	}
	defer func() { _ = reader.Close() }()
	pem, err := io.ReadAll(reader)
	if err != nil {
		return err
	}
	if !roots.AppendCertsFromPEM(pem) {
		return fmt.Errorf("%v contains no certificate", reader)
	}
	return nil
}
