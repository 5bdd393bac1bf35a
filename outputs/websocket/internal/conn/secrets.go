// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"cmp"
	"encoding/base64"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// public are headers of the request that hold no secret, and whose values an
// error should be able to name.
var public = []string{"Host", "Origin", "User-Agent"}

// credentials are headers that hold nothing else.
var credentials = []string{"Authorization", "Proxy-Authorization", "Cookie"}

// hiddenBytes is the least length of a word that is hidden: a shorter one is no
// secret, and is found by chance in any text. A part of a credential may be a
// short password.
const (
	hiddenBytes     = 6
	hiddenPartBytes = 4
)

// secretSet gathers what an error or a log line must not repeat.
type secretSet map[string]struct{}

// secrets returns what goes out with these options, or may be known to the peer
// in another way, and is to be hidden when it repeats it, the longest first.
func (o *Options) secrets() []string {
	set := secretSet{}
	set.addHeader(o.Header)
	set.addQuery(o.URL)
	for _, secret := range o.Secrets {
		set.add(secret, hiddenPartBytes)
	}
	if o.Proxy != nil {
		set.addHeader(o.Proxy.header())
		if password, found := o.Proxy.URL.User.Password(); found {
			set.add(password, hiddenPartBytes)
		}
	}
	list := make([]string, 0, len(set))
	for secret := range set {
		list = append(list, secret)
	}
	// A secret may be a part of another one.
	slices.SortFunc(list, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return list
}

// add adds a text, in the forms in which it is usually quoted as well.
func (s secretSet) add(text string, least int) {
	if len(text) < least {
		return
	}
	quoted := strconv.Quote(text)
	for _, form := range []string{
		text, base64.StdEncoding.EncodeToString([]byte(text)), url.QueryEscape(text), url.PathEscape(text), url.UserPassword("", text).String()[1:], html.EscapeString(text), quoted[1 : len(quoted)-1],
	} {
		s[form] = struct{}{}
	}
	// An error about a line that makes no sense quotes a word of it.
	if words := strings.Fields(text); len(words) > 1 {
		for _, word := range words {
			s.add(word, hiddenBytes)
		}
	}
}

func (s secretSet) addHeader(header http.Header) {
	for name, values := range header {
		if slices.Contains(public, name) {
			continue
		}
		least := hiddenBytes
		if slices.Contains(credentials, name) {
			least = hiddenPartBytes
		}
		for _, value := range values {
			s.add(value, least)
			words := strings.Fields(value)
			if len(words) > 1 && least == hiddenPartBytes && name != "Cookie" {
				words = words[1:] // Basic, Bearer
			}
			for _, word := range words {
				s.add(word, least)
				s.addDecoded(word)
				for _, part := range strings.FieldsFunc(word, func(r rune) bool { return strings.ContainsRune("=;,", r) }) {
					s.add(part, least)
				}
			}
		}
	}
}

// addDecoded adds what a header holds in Base64: "user:password" or "id:key".
func (s secretSet) addDecoded(word string) {
	decoded, err := base64.StdEncoding.DecodeString(word)
	if err != nil || !utf8.Valid(decoded) {
		return
	}
	if _, secret, found := strings.Cut(string(decoded), ":"); found {
		s.add(string(decoded), hiddenPartBytes)
		s.add(secret, hiddenPartBytes)
	}
}

// addQuery adds the values of a query, as they are written and as they are
// meant. What stands there without a name may be a token by itself.
func (s secretSet) addQuery(u *url.URL) {
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		name, value, found := strings.Cut(pair, "=")
		if !found {
			value = name
		}
		s.add(value, hiddenBytes)
		if plain, err := url.QueryUnescape(value); err == nil {
			s.add(plain, hiddenBytes)
		}
	}
}

const hidden = "***"

// redact hides secrets in what a peer sent. At the end of a text, which may have
// been cut, it hides the beginning of one too.
func redact(text string, secrets []string) string {
	for _, secret := range secrets {
		text = strings.ReplaceAll(text, secret, hidden)
	}
	for _, secret := range secrets {
		for length := min(len(secret)-1, len(text)); length >= hiddenPartBytes; length-- {
			if strings.HasSuffix(text, secret[:length]) {
				return text[:len(text)-length] + hidden
			}
		}
	}
	return text
}

// Redact hides in a text of the peer what went out as a secret when the
// connection was dialled.
func (c *Conn) Redact(text string) string { return redact(text, c.secrets) }

// excerpt returns the beginning of what a peer sent, fit for an error: a server
// may repeat the request, and credentials with it.
func excerpt(text string, limit int, secrets []string) string {
	text = redact(text, secrets)
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "") + "..."
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || unicode.IsSpace(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

// shortened bounds the text of an error that may quote what the peer sent.
func shortened(err error, secrets []string) error {
	whole := err.Error()
	text := excerpt(whole, maxCauseBytes, secrets)
	if text == whole {
		return err
	}
	return &shortError{text: text, cause: err}
}

type shortError struct {
	text  string
	cause error
}

func (e *shortError) Error() string { return e.text }
func (e *shortError) Unwrap() error { return e.cause }
