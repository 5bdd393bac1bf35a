// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package deflate reads the parameters of permessage-deflate in offers and answers
// (RFC 7692 7.1). The WebSocket library does not look at them.
package deflate

import (
	"slices"
	"strings"
)

// Name is that of the extension. With the …NoContext parameters each message is compressed
// by itself.
const (
	Name            = "permessage-deflate"
	ServerNoContext = "server_no_context_takeover"
	ClientNoContext = "client_no_context_takeover"
	ServerWindow    = "server_max_window_bits"
	clientWindow    = "client_max_window_bits"
)

// windows are the sizes of a window, without leading zeros.
var windows = []string{"8", "9", "10", "11", "12", "13", "14", "15"}

// Extension is one extension with its parameters.
type Extension struct {
	Name       string
	parameters map[string]string
	isWrong    bool // a parameter is there twice
}

// Parse reads one extension of a header.
func Parse(text string) Extension {
	parts := strings.Split(text, ";")
	e := Extension{Name: strings.TrimSpace(parts[0]), parameters: map[string]string{}}
	for _, part := range parts[1:] {
		name, value, hasValue := strings.Cut(strings.TrimSpace(part), "=")
		if value = strings.Trim(value, `"`); hasValue && value == "" {
			e.isWrong = true
		}
		if _, has := e.parameters[name]; has {
			e.isWrong = true
		}
		e.parameters[name] = value
	}
	return e
}

// Has reports whether there is a parameter of that name.
func (e Extension) Has(name string) bool {
	_, has := e.parameters[name]
	return has
}

// IsAnswer reports whether a server may answer this to an offer with both …NoContext
// parameters. The client can use any window of the server's (7.1.2.1); one of its own was
// not offered.
func (e Extension) IsAnswer() bool { return e.isValid(false) && !e.Has(clientWindow) }

func (e Extension) isValid(isOffer bool) bool {
	if e.Name != Name || e.isWrong {
		return false
	}
	for name, value := range e.parameters {
		switch name {
		case ServerNoContext, ClientNoContext:
			if value != "" {
				return false
			}
		case ServerWindow:
			if !slices.Contains(windows, value) {
				return false
			}
		case clientWindow:
			if value == "" && isOffer {
				continue
			}
			if !slices.Contains(windows, value) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// Acceptable reports whether a server can accept one of the offers in the lines of a
// header with both …NoContext parameters. It cannot accept a limit of its own window: it
// would have to repeat it.
func Acceptable(lines []string) bool {
	for offer := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		if e := Parse(offer); e.isValid(true) && !e.Has(ServerWindow) {
			return true
		}
	}
	return false
}
