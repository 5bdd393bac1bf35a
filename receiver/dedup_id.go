// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import "bytes"

var (
	idSuffix    = []byte(`_id"`)
	metadataKey = []byte(`"@metadata"`)
	idKey       = []byte(`"_id"`)
	flatIDKey   = []byte(`"@metadata._id"`) // of the formats that flatten
)

// recordID returns the bytes of the @metadata._id in a record, which is valid
// JSON; nil if there is none, or it is no string or number, or empty. A field _id
// outside of @metadata is the application's business: its values need not be of
// one record each.
func recordID(record []byte) []byte {
	// Most records without one get no further, and this looks at many bytes at once.
	if !bytes.Contains(record, idSuffix) {
		return nil
	}
	s := scanner{data: record}
	if !s.take('{') {
		return nil
	}
	for {
		key, value, ok := s.member()
		switch {
		case !ok:
			return nil
		case bytes.Equal(key, flatIDKey):
			return usableID(value)
		case bytes.Equal(key, metadataKey):
			return metadataID(value)
		}
	}
}

func metadataID(metadata []byte) []byte {
	s := scanner{data: metadata}
	if !s.take('{') {
		return nil
	}
	for {
		key, value, ok := s.member()
		if !ok {
			return nil
		}
		if bytes.Equal(key, idKey) {
			return usableID(value)
		}
	}
}

func usableID(value []byte) []byte {
	switch c := value[0]; {
	case c == '"' && len(value) > len(`""`), c == '-', c >= '0' && c <= '9':
		return value
	}
	return nil
}

// member reads the next member of an object, with the comma before or the brace
// after it, from its opening brace on. ok is false at the object's end.
func (s *scanner) member() (key, value []byte, ok bool) {
	s.space()
	if s.take(',') {
		s.space()
	}
	start := s.pos
	if s.next() != '"' || s.text() != nil {
		return nil, nil, false
	}
	key = s.data[start:s.pos]
	s.space()
	if !s.take(':') {
		return nil, nil, false
	}
	s.space()
	start = s.pos
	if s.value(0) != nil {
		return nil, nil, false
	}
	return key, s.data[start:s.pos], true
}
