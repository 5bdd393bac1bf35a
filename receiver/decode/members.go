// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

// Members goes through the members of a record, as they stand there.
type Members struct{ scanner scanner }

// MembersOf begins with a record, which is valid JSON. There are none if it is not
// an object.
func MembersOf(record []byte) Members {
	m := Members{scanner{data: record}}
	if !m.scanner.take('{') {
		m.scanner.pos = len(record)
	}
	return m
}

// Next returns the next member: its name with the quotes and escapes that it has,
// and its value. ok is false at the end.
func (m *Members) Next() (name, value []byte, ok bool) {
	s := &m.scanner
	s.space()
	if s.take(',') {
		s.space()
	}
	start := s.pos
	if s.next() != '"' || s.text() != nil {
		return nil, nil, false
	}
	name = s.data[start:s.pos]
	s.space()
	if !s.take(':') {
		return nil, nil, false
	}
	s.space()
	start = s.pos
	if s.value(0) != nil {
		return nil, nil, false
	}
	return name, s.data[start:s.pos], true
}
