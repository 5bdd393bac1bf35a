// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package route

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// maxReplicas bounds a typo.
const maxReplicas = 99

// URL is SCHEME://HOST[:PORT][,HOST[:PORT]…]/NAME[?PARAMETERS].
type URL struct {
	Scheme string
	Hosts  []string // with ports
	Name   string   // a template

	// Create makes what is named if it is not there; Replicas, of it, is 0 unless set.
	Create   bool
	Replicas int
}

// ParseURL reads a URL. ports has the default port of each scheme. more sets a parameter
// that not every URL has, and reports whether it knows it; nil if there is none. Errors do
// not show the URL: somebody may have written a password into it.
func ParseURL(text string, ports map[string]string, more func(name, value string) (known bool, err error)) (u URL, err error) {
	scheme, rest, _ := strings.Cut(text, "://")
	port, ok := ports[scheme]
	if !ok {
		return u, errors.New("the scheme of the URL is not known")
	}
	u.Scheme = scheme
	rest, query, _ := strings.Cut(rest, "?")
	hosts, name, _ := strings.Cut(rest, "/")
	u.Name = name
	for host := range strings.SplitSeq(hosts, ",") {
		if strings.Contains(host, "@") {
			return u, errors.New("credentials belong into a file: use --out-credentials-file")
		}
		server, err := url.Parse(scheme + "://" + host)
		if err != nil || server.Hostname() == "" || server.Host != host || strings.HasSuffix(host, ":") {
			return u, errors.New("what is between :// and / is not HOST[:PORT][,HOST[:PORT]…]")
		}
		if number, err := strconv.Atoi(cmp.Or(server.Port(), port)); err != nil || number < 1 || number > 65535 {
			return u, errors.New("a port is not between 1 and 65535")
		}
		if server.Port() == "" {
			host += ":" + port
		}
		u.Hosts = append(u.Hosts, host)
	}
	return u, u.parseQuery(query, more)
}

func (u *URL) parseQuery(text string, more func(name, value string) (bool, error)) error {
	query, err := url.ParseQuery(text)
	if err != nil {
		return errors.New("what is behind the ? is not a query")
	}
	for name, values := range query {
		value := values[0]
		known := true
		var err error
		switch {
		case len(values) > 1:
			err = errors.New("it is there twice")
		case name == "create":
			u.Create, err = ParseBool(value)
		case name == "replicas":
			u.Replicas, err = strconv.Atoi(value)
			if err != nil || u.Replicas < 1 || u.Replicas > maxReplicas {
				err = errors.New("not a number from 1 on")
			}
		case more != nil:
			known, err = more(name, value)
		default:
			known = false
		}
		if !known {
			return errors.New("a parameter behind the ? is not known")
		}
		if err != nil {
			return fmt.Errorf("parameter %s: %w", name, err)
		}
	}
	if u.Replicas != 0 && !u.Create {
		return errors.New("parameter replicas: needs create=true")
	}
	return nil
}

// ParseBool reads the value of a parameter.
func ParseBool(text string) (bool, error) {
	switch text {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, errors.New("not true or false")
}
