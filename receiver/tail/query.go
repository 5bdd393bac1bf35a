// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"bytes"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

const (
	// maxSearchBytes is long for a search, and short for a regular expression
	// that is to be tried on thousands of records a second. RE2 has no input that
	// takes it more than linear time.
	maxSearchBytes = 256
	maxHostBytes   = 1 << 10
)

// query is what a viewer wants to see. The zero value is everything. The page
// does the same with the rows that it has: page/query.js.
type query struct {
	text   []byte         // in lower case
	regex  *regexp.Regexp // instead of text
	levels uint8          // a bit for each; 0 is all
	host   string
}

// parseQuery reads q (text, or /a regular expression/, or /one without regard to
// case/i), level (names with commas between them) and host. Text is found
// without regard to case. An error is for the reader of the page.
func parseQuery(values url.Values) (query, error) {
	var q query
	search := values.Get("q")
	if len(search) > maxSearchBytes {
		return q, fmt.Errorf("the search is longer than %d bytes", maxSearchBytes)
	}
	if !utf8.ValidString(search) {
		return q, fmt.Errorf("the search is not UTF-8")
	}
	if expression, ok := expressionOf(search); ok {
		var err error
		if q.regex, err = regexp.Compile(expression); err != nil {
			return q, err
		}
	} else if search != "" {
		q.text = bytes.ToLower([]byte(search))
	}
	for name := range strings.SplitSeq(values.Get("level"), ",") {
		if name == "" {
			continue
		}
		found := false
		for l, known := range levelNames {
			if name == known {
				q.levels |= 1 << l
				found = true
			}
		}
		if !found {
			return q, fmt.Errorf("no level is called %.20q", name)
		}
	}
	if q.host = values.Get("host"); len(q.host) > maxHostBytes {
		return q, fmt.Errorf("the host's name is longer than %d bytes", maxHostBytes)
	}
	return q, nil
}

// expressionOf returns the regular expression of /.../ or /.../i. Two slashes
// are text: there is nothing between them.
func expressionOf(search string) (string, bool) {
	inner, slash := strings.CutPrefix(search, "/")
	if !slash {
		return "", false
	}
	if body, ok := strings.CutSuffix(inner, "/i"); ok && body != "" {
		return "(?i)" + body, true
	}
	if body, ok := strings.CutSuffix(inner, "/"); ok && body != "" {
		return body, true
	}
	return "", false
}

func (q *query) matches(r *shownRecord) bool {
	if q.levels != 0 && q.levels&(1<<r.level) == 0 || q.host != "" && q.host != r.Host {
		return false
	}
	switch {
	case q.regex != nil:
		return q.regex.MatchString(r.message) || q.regex.MatchString(r.Host) || q.regex.MatchString(r.File) || q.regex.Match(r.raw)
	case q.text != nil:
		message, raw := r.lower()
		return bytes.Contains(message, q.text) || bytes.Contains(raw, q.text) || strings.Contains(strings.ToLower(r.Host), string(q.text))
	}
	return true
}
