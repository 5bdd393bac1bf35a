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

// publicHeaders contain no secret. An error may quote their values.
var publicHeaders = []string{"Host", "Origin", "User-Agent"}

// credentialHeaders contain only credentials.
var credentialHeaders = []string{"Authorization", "Proxy-Authorization", "Cookie"}

// hiddenBytes is the minimum length of a word that is hidden: a shorter one is not a
// secret, and occurs in many texts. For parts of credentials, which may be short
// passwords, the minimum is hiddenPartBytes.
const (
	hiddenBytes     = 6
	hiddenPartBytes = 4
)

// secretSet is a set of texts that errors and log lines must not quote.
type secretSet map[string]struct{}

// secrets returns the texts to hide in what the peer sends, longest first: those that
// are sent with these options, and those that the peer may know in another way.
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
	// The longest first, since a secret may be part of another one.
	slices.SortFunc(list, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return list
}

// add adds a text, and the forms in which it is usually quoted.
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
	// An error about a malformed line may quote a single word of it.
	if words := strings.Fields(text); len(words) > 1 {
		for _, word := range words {
			s.add(word, hiddenBytes)
		}
	}
}

func (s secretSet) addHeader(header http.Header) {
	for name, values := range header {
		if slices.Contains(publicHeaders, name) {
			continue
		}
		least := hiddenBytes
		if slices.Contains(credentialHeaders, name) {
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

// addDecoded adds what a word contains in Base64: "user:password" or "id:key".
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

// addQuery adds the values of a query, as they are written and decoded. A part without
// a name is added as well, since it may be a token.
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

// placeholder is shown instead of a secret.
const placeholder = "***"

// redact hides secrets in a text of the peer. At the end of the text, which may have
// been cut, it also hides the beginning of a secret.
func redact(text string, secrets []string) string {
	for _, secret := range secrets {
		text = strings.ReplaceAll(text, secret, placeholder)
	}
	for _, secret := range secrets {
		for length := min(len(secret)-1, len(text)); length >= hiddenPartBytes; length-- {
			if strings.HasSuffix(text, secret[:length]) {
				return text[:len(text)-length] + placeholder
			}
		}
	}
	return text
}

// Redact hides the secrets of the dial in a text of the peer.
func (c *Conn) Redact(text string) string { return redact(text, c.secrets) }

// excerpt returns the beginning of a text of the peer for an error. It hides secrets: a
// server may quote the request, and the credentials in it.
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

// shortened is excerpt for the text of an error that may quote the peer.
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
