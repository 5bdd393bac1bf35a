// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package endpoint

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// ErrColon follows from RFC 7617 2: the password begins after the first colon.
var ErrColon = errors.New("must not contain a colon")

// CheckUser returns an error if the user of a URL can't be sent. It does not contain the
// password.
func CheckUser(user *url.Userinfo) error {
	password, _ := user.Password()
	switch name := user.Username(); {
	case name == "":
		return errors.New("the user in the URL has no name")
	case strings.Contains(name, ":"):
		return fmt.Errorf("the name of the user in the URL %w", ErrColon)
	case !httpguts.ValidHeaderFieldValue(name), !httpguts.ValidHeaderFieldValue(password):
		return errors.New("the user in the URL contains a byte that is not allowed in a header, such as a line break")
	}
	return nil
}
