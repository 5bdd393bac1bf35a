// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package advice

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/outputs/websocket/internal/conn"
)

// pages are what servers answer to HTTP on their TLS port. See also
// TestGoAsksForTLSInItsOwnWords.
var pages = map[string]string{
	"nginx 1.22": "<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>\r\n<body>\r\n<center><h1>400 Bad Request</h1></center>\r\n<center>The plain HTTP request was sent to HTTPS port</center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n",
	"Apache 2.4": "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\" \"http://www.w3.org/TR/html4/strict.dtd\">\n<html><head>\n<title>400 Bad Request</title>\n</head><body>\n<h1>Bad Request</h1>\n<p>Your browser sent a request that this server could not understand.<br />\nReason: You're speaking plain HTTP to an SSL-enabled server port.<br />\n Instead use the HTTPS scheme to access this URL, please.<br />\n</p>\n",
	"net/http":   "Client sent an HTTP request to an HTTPS server.\n",
}

func TestAServerOnItsTLSPortIsToBeAskedWithWSS(t *testing.T) {
	for name, page := range pages {
		t.Run(name, func(t *testing.T) {
			refused := fmt.Errorf("wrapped: %w", &conn.UpgradeError{Code: http.StatusBadRequest, Page: page})
			require.Equal(t, useWSS, For(refused, Settings{}))
			require.Empty(t, For(refused, Settings{Secure: true}))
			require.Empty(t, For(&conn.UpgradeError{Code: http.StatusNotFound, Page: page}, Settings{}))
		})
	}
	require.Empty(t, For(&conn.UpgradeError{Code: http.StatusBadRequest, Page: "no Upgrade header"}, Settings{}))
}

func TestGoAsksForTLSInItsOwnWords(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	answer, err := http.Get("http" + strings.TrimPrefix(server.URL, "https")) //nolint:noctx // the test ends with it
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	page := make([]byte, 1024)
	n, _ := answer.Body.Read(page)
	require.Equal(t, pages["net/http"], string(page[:n]))
	require.Equal(t, http.StatusBadRequest, answer.StatusCode)
}

func TestProxiesHaveAdviceOfTheirOwn(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	for _, c := range []struct {
		err      error
		settings Settings
		want     string
	}{
		{&conn.ProxyError{Cause: refused}, Settings{}, "check proxy_url"},
		{&conn.ProxyError{Cause: refused}, Settings{ProxyFromEnvironment: true}, "HTTPS_PROXY in the environment"},
		{&conn.ProxyError{Code: http.StatusForbidden}, Settings{Credentials: "api_key"}, "the proxy does not allow this host and port"},
		{&conn.ProxyError{Code: http.StatusProxyAuthRequired}, Settings{}, "set the user and password for the proxy in proxy_url"},
		{&conn.ProxyError{Code: http.StatusProxyAuthRequired}, Settings{ProxyUser: true}, "check the user and password in proxy_url"},
		{&conn.UpgradeError{Code: http.StatusProxyAuthRequired}, Settings{}, "set the user and password for the proxy in proxy_url"},
	} {
		require.Contains(t, For(fmt.Errorf("wrapped: %w", c.err), c.settings), c.want)
	}
	require.Empty(t, For(&conn.ProxyError{Code: http.StatusBadGateway}, Settings{}))
	require.Empty(t, For(&conn.ProxyError{Cause: errors.New("TLS: remote error: tls: certificate required")}, Settings{}), "ssl.* is about the server")
}

func TestAnErrorThatExplainsItselfHasNoAdvice(t *testing.T) {
	require.Empty(t, For(errors.New("no such host"), Settings{}))
	require.Contains(t, For(fmt.Errorf("dial: %w", syscall.ECONNREFUSED), Settings{}), "nothing listens there")
	onWindows := errors.New("connectex: No connection could be made because the target machine actively refused it")
	require.Contains(t, For(onWindows, Settings{}), "nothing listens there")
}
