// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"bytes"
	"fmt"
	"net/url"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// maxSearchBytes is long enough for any search, and short enough for a regular
	// expression that is tried on thousands of records a second.
	maxSearchBytes = 256
	maxHostBytes   = 1 << 10
	// maxInstructions bounds a compiled expression: a few characters of nested
	// repetitions can become tens of thousands of instructions, and each can cost time
	// on each byte that is searched.
	maxInstructions = 500
	// maxSteps bounds what one text can take: instructions times bytes. Of longer
	// texts only the beginning is searched.
	maxSteps = 1 << 20
)

// query selects the records that a viewer sees. The zero value selects all. The page
// filters the rows that it has in the same way: page/query.js.
type query struct {
	text   []byte         // in lower case
	regex  *regexp.Regexp // instead of text
	limit  int            // bytes of a text in which regex is looked for
	levels uint8          // a bit for each; 0 is all
	host   string
	fields []fieldFilter
	around int // records to show before and after one that matches
}

// parseQuery reads q (text, or /a regular expression/, or /one without regard to
// case/i), level (names with commas between them), host, is and not (path=value of a
// field, any number of times) and context (how many records to show around a hit). Text
// is found without regard to case. An error is shown on the page.
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
		instructions, err := cost(expression)
		if err != nil {
			return q, err
		}
		if q.regex, err = regexp.Compile(expression); err != nil {
			return q, err
		}
		q.limit = min(maxSteps/instructions, maxRecordBytes)
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
	is, err := parseFields(values["is"], false)
	if err != nil {
		return q, err
	}
	not, err := parseFields(values["not"], true)
	if err != nil {
		return q, err
	}
	q.fields = append(is, not...)
	if lines := values.Get("context"); lines != "" && !q.all() {
		if q.around, err = strconv.Atoi(lines); err != nil || q.around < 0 || q.around > maxContext {
			return q, fmt.Errorf("context is a number from 0 to %d", maxContext)
		}
	}
	return q, nil
}

// all reports whether every record matches.
func (q *query) all() bool {
	return q.regex == nil && q.text == nil && q.levels == 0 && q.host == "" && len(q.fields) == 0
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

// cost returns how many instructions an expression compiles to, or why it cannot be
// compiled.
func cost(expression string) (instructions int, err error) {
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return 0, err
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return 0, err
	}
	if len(program.Inst) > maxInstructions {
		return 0, fmt.Errorf("the expression is too complex: with its repetitions it has %d steps, more than %d", len(program.Inst), maxInstructions)
	}
	return len(program.Inst), nil
}

// selects reports whether level and host match.
func (q *query) selects(r *shownRecord) bool {
	return (q.levels == 0 || q.levels&(1<<r.level) != 0) && (q.host == "" || q.host == r.Host)
}

// searches reports whether the query looks into records, which takes time.
func (q *query) searches() bool {
	return q.regex != nil || q.text != nil || len(q.fields) > 0 || q.around > 0
}

// finds reports whether the text or the expression occurs in the record, and its fields
// are as they should be.
func (q *query) finds(r *shownRecord) bool { return passes(q.fields, r) && q.occurs(r) }

func (q *query) occurs(r *shownRecord) bool {
	switch {
	case q.regex != nil:
		return q.regex.MatchString(r.message[:min(len(r.message), q.limit)]) || q.regex.MatchString(r.Host) ||
			q.regex.MatchString(r.File) || q.regex.Match(r.raw[:min(len(r.raw), q.limit)])
	case q.text != nil:
		return bytes.Contains(bytes.ToLower(r.raw), q.text) || strings.Contains(strings.ToLower(r.message), string(q.text)) ||
			strings.Contains(strings.ToLower(r.Host), string(q.text))
	}
	return true
}
