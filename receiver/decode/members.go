// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

import "filebeat-websocket/receiver/internal/jsonscan"

// Members goes through the members of a record, as they stand there.
type Members struct{ scanner jsonscan.Scanner }

// MembersOf begins with a record, which is valid JSON. There are none if it is not
// an object.
func MembersOf(record []byte) Members {
	m := Members{jsonscan.Scanner{Data: record}}
	if !m.scanner.Take('{') {
		m.scanner.Pos = len(record)
	}
	return m
}

// Next returns the next member: its name with the quotes and escapes that it has,
// and its value. ok is false at the end.
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
	s := m.scanner // a copy: asking twice is the same
	if !s.Take('}') {
		return false
	}
	s.Space()
	return s.End()
}
