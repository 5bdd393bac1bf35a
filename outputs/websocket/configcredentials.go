// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	"golang.org/x/net/http/httpguts"

	"filebeat-websocket/outputs/websocket/internal/conn"
	"filebeat-websocket/outputs/websocket/internal/endpoint"
)

// maxTokenBytes is the maximum length of a token file. Servers refuse headers that
// are much shorter.
const maxTokenBytes = 64 << 10

// credentialSettings returns the names of the settings with credentials for the
// server. Only one of them may be set.
func (c *config) credentialSettings() (names []string) {
	for _, setting := range []struct{ name, value string }{
		{"username", c.Username},
		{"api_key", c.APIKey},
		{"bearer_token", c.BearerToken},
		{"bearer_token_file", c.BearerTokenFile},
	} {
		if setting.value != "" {
			names = append(names, setting.name)
		}
	}
	for name := range c.Headers {
		if http.CanonicalHeaderKey(name) == "Authorization" {
			names = append(names, "headers."+name)
		}
	}
	return names
}

// validateCredentials refuses values that cannot be in a header, and more than one
// kind of credentials. The errors do not contain values.
func (c *config) validateCredentials() (problems []error) {
	for name, value := range map[string]string{
		"username": c.Username, "password": c.Password, "api_key": c.APIKey, "bearer_token": c.BearerToken,
	} {
		if !httpguts.ValidHeaderFieldValue(value) {
			problems = append(problems, settingError(name, errors.New("contains a byte that is not allowed in a header, such as a line break")))
		}
	}
	if names := c.credentialSettings(); len(names) > 1 {
		problems = append(problems, settingError(names[0], fmt.Errorf("does not go with %s: set only one kind of credentials", strings.Join(names[1:], ", "))))
	}
	if c.Username == "" && c.Password != "" {
		problems = append(problems, settingError("password", errors.New("needs a username")))
	}
	if strings.Contains(c.Username, ":") {
		problems = append(problems, settingError("username", endpoint.ErrColon))
	}
	return problems
}

// validateUser checks the user in the URL of a host. The errors do not contain the
// password.
func (c *config) validateUser(user *url.Userinfo) error {
	if names := c.credentialSettings(); len(names) > 0 {
		return fmt.Errorf("a user in the URL does not go with %s: set only one kind of credentials", strings.Join(names, ", "))
	}
	return endpoint.CheckUser(user)
}

// authorization returns the value of the header Authorization, empty for none. user
// is the one in the host's URL, if any. The token file, if set, is read each time.
func (c *config) authorization(user *url.Userinfo) (string, error) {
	switch {
	case user != nil:
		return conn.BasicAuth(user), nil
	case c.Username != "":
		return conn.BasicAuth(url.UserPassword(c.Username, c.Password)), nil
	case c.APIKey != "":
		// As output.elasticsearch does it: the setting is "id:key", not encoded.
		return "ApiKey " + base64.StdEncoding.EncodeToString([]byte(c.APIKey)), nil
	case c.BearerToken != "":
		return "Bearer " + c.BearerToken, nil
	case c.BearerTokenFile != "":
		token, err := readToken(c.BearerTokenFile)
		if err != nil {
			return "", settingError("bearer_token_file", err)
		}
		return "Bearer " + token, nil
	}
	return "", nil
}

// readToken reads a token file. The errors do not contain its content.
func readToken(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(io.LimitReader(file, maxTokenBytes+1))
	token := strings.TrimSpace(string(content))
	switch {
	case err != nil:
		return "", err
	case len(content) > maxTokenBytes:
		return "", fmt.Errorf("%s is longer than %d bytes", path, maxTokenBytes)
	case token == "":
		return "", fmt.Errorf("%s is empty", path)
	case !httpguts.ValidHeaderFieldValue(token):
		return "", fmt.Errorf("%s contains a byte that is not allowed in a header, such as a line break", path)
	}
	return token, nil
}

// dialHeader returns the header of the next upgrade request.
func (c *client) dialHeader() (http.Header, error) {
	authorization, err := c.config.authorization(c.user)
	if err != nil || authorization == "" {
		return c.header, err
	}
	header := c.header.Clone()
	header.Set("Authorization", authorization)
	return header, nil
}

// hiddenSettings returns secrets that are not in the upgrade request but that a
// server may know in another way.
func (c *config) hiddenSettings() []string {
	secrets := []string{c.Forward.SharedKey, c.Forward.Password}
	if c.TLS != nil {
		secrets = append(secrets, c.TLS.Certificate.Passphrase)
	}
	return secrets
}

// warnOfCleartext logs one warning if credentials are sent without encryption.
func (c *client) warnOfCleartext() {
	secret := c.user != nil || len(c.config.credentialSettings()) > 0 || c.header.Get("Cookie") != ""
	if !secret || c.endpoint.Scheme != "ws" || isLoopback(c.endpoint.Hostname()) {
		return
	}
	c.cleartext.Do(func() {
		c.log.Warnf("Credentials are sent to %v without encryption: anyone on the network path can read them. Use wss", displayURL(c.endpoint))
	})
}

func isLoopback(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}
