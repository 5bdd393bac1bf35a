// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package endpoint

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// proxyPorts has the default port of each scheme of a proxy.
var proxyPorts = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}

// ParseProxy reads the URL of a proxy, and adds the port. The errors do not quote it: it
// may contain a password.
func ParseProxy(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("is not a valid URL")
	}
	port, known := proxyPorts[u.Scheme]
	if !known {
		return nil, fmt.Errorf("unknown scheme %q, known are http, https, socks5 and socks5h", u.Scheme)
	}
	if u.Hostname() == "" {
		return nil, errors.New("has no host name")
	}
	if u.User != nil {
		if err := CheckUser(u.User); err != nil {
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
