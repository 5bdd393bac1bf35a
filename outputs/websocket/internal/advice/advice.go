// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package advice

import (
	"errors"
	"net/http"
	"strings"
	"syscall"

	"filebeat-websocket/outputs/websocket/internal/conn"
)

// Settings are what advice depends on.
type Settings struct {
	// Secure is for wss.
	Secure bool
	// ClientCertificate says that one is set.
	ClientCertificate bool
	// Credentials names the setting with the credentials for the server, empty if there is
	// none.
	Credentials string
	// ProxyUser says that the proxy is given a user.
	ProxyUser bool
	// ProxyFromEnvironment says that no setting names the proxy.
	ProxyFromEnvironment bool
}

// For returns what to do about an error of conn.Dial, empty if the error explains itself.
func For(err error, settings Settings) string {
	if refused, ok := errors.AsType[*conn.ProxyError](err); ok {
		return settings.forProxy(refused)
	}
	if refused, ok := errors.AsType[*conn.UpgradeError](err); ok {
		return settings.forAnswer(refused)
	}
	if nothingListens(err) {
		return "nothing listens there: check host and port in hosts, and whether the server runs"
	}
	return settings.forTLS(err)
}

// nothingListens reports whether a connection was refused. Windows has an error number
// of its own for that.
func nothingListens(err error) bool {
	return err != nil && (errors.Is(err, syscall.ECONNREFUSED) || strings.Contains(err.Error(), "actively refused it"))
}

const credentials = "username and password, api_key, bearer_token or bearer_token_file"

func (s Settings) forAnswer(refused *conn.UpgradeError) string {
	switch refused.Code {
	case http.StatusUnauthorized:
		if s.Credentials == "" {
			return "set " + credentials
		}
		return "the server does not accept the credentials: check " + s.Credentials
	case http.StatusForbidden:
		if s.Credentials == "" {
			return "set " + credentials + ", or check the path in hosts, and origin"
		}
		return "check what " + s.Credentials + " may do there, the path in hosts, and origin"
	case http.StatusProxyAuthRequired:
		return s.forProxyUser()
	case http.StatusBadRequest:
		if !s.Secure && asksForTLS(refused.Page) {
			return useWSS
		}
	}
	return ""
}

const useWSS = "the server speaks TLS on this port: use wss instead of ws"

// asksForTLS reports whether a page is what a server answers to HTTP on its TLS port:
// nginx, Apache, and Go.
func asksForTLS(page string) bool {
	for _, text := range []string{
		"plain HTTP request was sent to HTTPS port",
		"speaking plain HTTP to an SSL-enabled server port",
		"HTTP request to an HTTPS server",
	} {
		if strings.Contains(page, text) {
			return true
		}
	}
	return false
}

func (s Settings) forProxy(refused *conn.ProxyError) string {
	where := "proxy_url"
	if s.ProxyFromEnvironment {
		where = "HTTP_PROXY and HTTPS_PROXY in the environment, or set proxy_disable: true"
	}
	switch {
	case refused.Code == http.StatusProxyAuthRequired:
		return s.forProxyUser()
	case refused.Code == http.StatusForbidden:
		return "the proxy does not allow this host and port: ask its operator, or set proxy_disable: true"
	case nothingListens(refused.Cause):
		return "no proxy listens there: check " + where
	}
	return ""
}

func (s Settings) forProxyUser() string {
	if s.ProxyUser {
		return "the proxy does not accept the credentials: check the user and password in proxy_url, and proxy_headers"
	}
	return "set the user and password for the proxy in proxy_url, or Proxy-Authorization in proxy_headers"
}
