// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package endpoint reads the hosts that an output connects to. The output's settings call
// it. It resolves nothing, and its errors quote nothing of a host, which may hold a password.
package endpoint

import (
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// schemes maps the scheme of a host to the one that is used.
var schemes = map[string]string{"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}

var defaultPorts = map[string]string{"ws": "80", "wss": "443"}

// KnownScheme reports whether a host may have the scheme.
func KnownScheme(scheme string) bool { return schemes[scheme] != "" }

// Defaults are what a host gets that does not say otherwise.
type Defaults struct {
	Scheme string
	Path   string
	// Parameters replace those of the same name in the query.
	Parameters map[string]string
	// CheckUser returns an error if the user in the URL of a host can't be used.
	CheckUser func(*url.Userinfo) error
}

// Parse reads one host. The URL has the scheme ws or wss, host, port, path, and the user if
// there is one. Its errors do not quote it: a comma in a password may have
// made several hosts of one.
func Parse(host string, d Defaults) (*url.URL, error) {
	if strings.TrimSpace(host) == "" {
		return nil, errors.New("is empty; is there a comma too many?")
	}
	if !strings.Contains(host, "://") {
		host = d.Scheme + "://" + host
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
		if err := d.CheckUser(u.User); err != nil {
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
		u.Path = d.Path
	}
	if !strings.HasPrefix(u.Path, "/") {
		u.Path = "/" + u.Path
	}
	if len(d.Parameters) > 0 {
		query := u.Query()
		for name, value := range d.Parameters {
			query.Set(name, value)
		}
		u.RawQuery = query.Encode()
	}
	return u, nil
}
