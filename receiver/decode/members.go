// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

import "filebeat-websocket/receiver/internal/jsonscan"

// Members iterates over the members of a record, without decoding them.
type Members struct{ scanner jsonscan.Scanner }

// MembersOf returns the members of a record, which is valid JSON: none if it is not an
// object.
func MembersOf(record []byte) Members {
	m := Members{jsonscan.Scanner{Data: record}}
	if !m.scanner.Take('{') {
		m.scanner.Pos = len(record)
	}
	return m
}

// Next returns the next member: its name with quotes and escapes, and its value. ok is false at the end.
func (m *Members) Next() (name, value []byte, ok bool) {
	s := &m.scanner
	s.Space()
	if s.Take(',') {
		s.Space()
	}
	start := s.Pos
	if s.Next() != '"' || s.Text() != nil {
		return nil, nil, false
	}
	name = s.Data[start:s.Pos]
	s.Space()
	if !s.Take(':') {
		return nil, nil, false
	}
	s.Space()
	start = s.Pos
	if s.Value(0) != nil {
		return nil, nil, false
	}
	return name, s.Data[start:s.Pos], true
}

// Ended reports whether Next has come to the end of an object and nothing follows it.
// It is true at the end of each object that is valid JSON.
func (m *Members) Ended() bool {
	s := m.scanner // a copy, so that asking changes nothing
	if !s.Take('}') {
		return false
	}
	s.Space()
	return s.End()
}
