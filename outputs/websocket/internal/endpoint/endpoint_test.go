// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package endpoint

import (
	"errors"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

var defaults = Defaults{
	Scheme: "wss", Path: "/logs", Parameters: map[string]string{"a": "1"},
	CheckUser: func(user *url.Userinfo) error {
		if user.Username() == "" {
			return errors.New("no name")
		}
		return nil
	},
}

func TestHostsAreCompleted(t *testing.T) {
	for host, want := range map[string]string{
		"example.com":                 "wss://example.com:443/logs?a=1",
		"HTTP://example.com":          "ws://example.com:80/logs?a=1",
		"ws://u:p@[::1]:8080/x?a=2":   "ws://u:p@[::1]:8080/x?a=1",
		"https://example.com:1?b=%20": "wss://example.com:1/logs?a=1&b=+",
	} {
		u, err := Parse(host, defaults)
		require.NoError(t, err, host)
		require.Equal(t, want, u.String())
	}
}

func TestErrorsQuoteNothingOfAHost(t *testing.T) {
	for host, problem := range map[string]string{
		" ":                     "is empty",
		"wss://u:pass word@x:%": "is not a valid URL",
		"ftp://secret":          "unknown scheme",
		"wss://:secret@x":       "no name",
		"wss://:443":            "has no host name",
		"wss://secret#x":        "fragment",
		"wss://secret:0":        "port",
		"wss://secret:65536":    "port",
	} {
		_, err := Parse(host, defaults)
		require.ErrorContains(t, err, problem, host)
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestProxiesAreCompleted(t *testing.T) {
	for text, want := range map[string]string{
		"proxy":                "http://proxy:80",
		"https://u:p@proxy":    "https://u:p@proxy:443",
		"socks5h://[::1]:9/xy": "socks5h://[::1]:9",
	} {
		u, err := ParseProxy(text)
		require.NoError(t, err, text)
		require.Equal(t, want, u.String())
	}
	for _, text := range []string{"ftp://secret", "http://:80", "http://proxy:0", "http://:secret@proxy", "http://a%3Ab:secret@proxy"} {
		_, err := ParseProxy(text)
		require.Error(t, err, text)
		require.NotContains(t, err.Error(), "secret")
	}
}
