// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"fmt"
	"strings"

	"filebeat-websocket/receiver/internal/jsonscan"
)

const (
	maxFieldFilters = 8
	maxFieldBytes   = 1 << 10 // of one filter
)

// Fields that a row has, whatever its record calls them.
const (
	hostOfRow = ".host"
	fileOfRow = ".file"
)

// fieldFilter selects the records in which a field has a value, or all others. The page
// filters the rows that it has in the same way: page/record.js.
type fieldFilter struct {
	path  string // names with dots between them; names may have dots themselves
	value string // the text of a string, or a number or word as it stands in the record
	not   bool
}

// parseFields reads filters of the form path=value.
func parseFields(texts []string, not bool) (filters []fieldFilter, err error) {
	if len(texts) > maxFieldFilters {
		return nil, fmt.Errorf("more than %d filters of fields", maxFieldFilters)
	}
	for _, text := range texts {
		path, value, ok := strings.Cut(text, "=")
		switch {
		case !ok || path == "":
			return nil, fmt.Errorf("a filter of a field is written path=value")
		case len(text) > maxFieldBytes:
			return nil, fmt.Errorf("a filter of a field is longer than %d bytes", maxFieldBytes)
		}
		filters = append(filters, fieldFilter{path: path, value: value, not: not})
	}
	return filters, nil
}

// passes reports whether a record passes all filters.
func passes(filters []fieldFilter, r *shownRecord) bool {
	if len(filters) == 0 {
		return true
	}
	w := fieldWalk{filters: filters}
	w.leaf(hostOfRow, r.Host)
	w.leaf(fileOfRow, r.File)
	w.scanner.Data = r.raw
	w.value(0)
	for i := range filters {
		if w.found[i] == filters[i].not {
			return false
		}
	}
	return true
}

// fieldWalk looks for the values of all filters in one pass over a record.
type fieldWalk struct {
	scanner jsonscan.Scanner
	path    []byte // of the value at scanner.Pos
	filters []fieldFilter
	found   [2 * maxFieldFilters]bool
}

// value passes a value. It returns false where the record ends or is not JSON.
func (w *fieldWalk) value(depth int) bool {
	s := &w.scanner
	switch c := s.Next(); {
	case (c == '{' || c == '[') && w.wanted() && depth < jsonscan.MaxDepth:
		s.Pos++
		if c == '{' {
			return w.object(depth + 1)
		}
		return w.array(depth + 1)
	default:
		start := s.Pos
		if s.Value(depth) != nil {
			return false
		}
		literal := s.Data[start:s.Pos]
		if c == '"' {
			w.leaf(string(w.path), textOf(literal))
		} else if c != '{' && c != '[' {
			w.leaf(string(w.path), string(literal))
		}
		return true
	}
}

// wanted reports whether a filter's path leads through the object or array here.
func (w *fieldWalk) wanted() bool {
	for i := range w.filters {
		rest, ok := strings.CutPrefix(w.filters[i].path, string(w.path))
		if ok && (rest == "" || rest[0] == '.' || len(w.path) == 0) {
			return true
		}
	}
	return false
}

func (w *fieldWalk) object(depth int) bool {
	s, before := &w.scanner, len(w.path)
	s.Space()
	if s.Take('}') {
		return true
	}
	for {
		s.Space()
		start := s.Pos
		if s.Next() != '"' || s.Text() != nil {
			return false
		}
		if before > 0 {
			w.path = append(w.path, '.')
		}
		w.path = append(w.path, textOf(s.Data[start:s.Pos])...)
		s.Space()
		if !s.Take(':') {
			return false
		}
		s.Space()
		if !w.value(depth) {
			return false
		}
		w.path = w.path[:before]
		s.Space()
		if s.Take('}') {
			return true
		}
		if !s.Take(',') {
			return false
		}
	}
}

// array passes an array: a filter holds if it holds for one element.
func (w *fieldWalk) array(depth int) bool {
	s := &w.scanner
	s.Space()
	if s.Take(']') {
		return true
	}
	for {
		s.Space()
		if !w.value(depth) {
			return false
		}
		s.Space()
		if s.Take(']') {
			return true
		}
		if !s.Take(',') {
			return false
		}
	}
}

func (w *fieldWalk) leaf(path, value string) {
	for i := range w.filters {
		if w.filters[i].path == path && w.filters[i].value == value {
			w.found[i] = true
		}
	}
}
