// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// schemes maps the scheme of a host to the one that is used.
var schemes = map[string]string{"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}

var defaultPorts = map[string]string{"ws": "80", "wss": "443"}

// endpoints returns the URL of every host, in the order of the settings. Each has
// the scheme ws or wss, host, port, path, and the user if there is one.
func (c *config) endpoints() ([]*url.URL, error) {
	hosts, key := c.Hosts, "hosts"
	switch {
	case c.Addr != "" && len(c.Hosts) > 0:
		return nil, settingError("addr", errors.New("is the short form of hosts; set only one of them"))
	case c.Addr != "":
		hosts, key = []string{c.Addr}, "addr"
	case len(c.Hosts) == 0:
		return nil, settingError("hosts", errors.New("is missing: where should the events go?"))
	}
	if _, known := schemes[c.Schema]; !known {
		return nil, settingError("schema", fmt.Errorf("must be ws or wss, is %q", c.Schema))
	}
	endpoints := make([]*url.URL, 0, len(hosts))
	for i, host := range hosts {
		endpoint, err := c.endpoint(host)
		if err != nil {
			return nil, settingError(key, fmt.Errorf("entry %d: %w", i+1, err))
		}
		endpoints = append(endpoints, endpoint)
	}
	return endpoints, nil
}

// endpoint reads one host. Its errors do not quote it: a comma in a password may have
// made several hosts of one.
func (c *config) endpoint(host string) (*url.URL, error) {
	if strings.TrimSpace(host) == "" {
		return nil, errors.New("is empty; is there a comma too many?")
	}
	if !strings.Contains(host, "://") {
		host = c.Schema + "://" + host
	}
	u, err := url.Parse(host)
	if err != nil {
		return nil, errors.New("is not a valid URL. A user and password are percent-encoded: a comma is %2C")
	}
	scheme, known := schemes[strings.ToLower(u.Scheme)]
	if !known {
		return nil, errors.New("unknown scheme, known are ws, wss, http and https")
	}
	u.Scheme = scheme
	if u.User != nil {
		if err := c.validateUser(u.User); err != nil {
			return nil, err
		}
	}
	if u.Hostname() == "" {
		return nil, errors.New("has no host name")
	}
	if u.Fragment != "" {
		return nil, errors.New("must not have a fragment (#...)")
	}
	if strings.Contains(u.Hostname(), ":") && !strings.HasPrefix(u.Host, "[") {
		return nil, errors.New("an IPv6 address needs brackets")
	}
	port := u.Port()
	if port == "" {
		port = defaultPorts[scheme]
	}
	if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
		return nil, errors.New("the port is not between 1 and 65535")
	}
	u.Host = net.JoinHostPort(u.Hostname(), port)
	if u.Path == "" {
		u.Path = c.Path
	}
	if !strings.HasPrefix(u.Path, "/") {
		u.Path = "/" + u.Path
	}
	if len(c.Parameters) > 0 {
		query := u.Query()
		for name, value := range c.Parameters {
			query.Set(name, value)
		}
		u.RawQuery = query.Encode()
	}
	return u, nil
}

// displayURL is the endpoint as logs show it: without the query, which may contain a
// token.
func displayURL(u *url.URL) string {
	return u.Scheme + "://" + u.Host + u.Path
}
