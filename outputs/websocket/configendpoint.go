// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"filebeat-websocket/outputs/websocket/internal/endpoint"
)

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
	if !endpoint.KnownScheme(c.Schema) {
		return nil, settingError("schema", fmt.Errorf("must be ws or wss, is %q", c.Schema))
	}
	if strings.ContainsAny(c.Path, "?#") { // the log shows the path, and a query may hold a token
		return nil, settingError("path", errors.New("must not have a query or a fragment; the query is set with parameters"))
	}
	defaults := endpoint.Defaults{Scheme: c.Schema, Path: c.Path, Parameters: c.Parameters, CheckUser: c.validateUser}
	endpoints := make([]*url.URL, 0, len(hosts))
	for i, host := range hosts {
		parsed, err := endpoint.Parse(host, defaults)
		if err != nil {
			return nil, settingError(key, fmt.Errorf("entry %d: %w", i+1, err))
		}
		endpoints = append(endpoints, parsed)
	}
	return endpoints, nil
}

// displayURL is the endpoint as logs show it: without the query, which may contain a
// token.
func displayURL(u *url.URL) string {
	return u.Scheme + "://" + u.Host + u.Path
}
