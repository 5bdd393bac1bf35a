// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package route names the subject or topic that a record goes to.
package route

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"

	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/internal/identity"
)

const (
	// maxNames bounds how many names a Template makes: each is a subject or topic that the
	// engine keeps, and clients choose the values.
	maxNames = 1000
	// MaxValueBytes bounds what a field adds to a name.
	MaxValueBytes = 64

	// noValue stands for a field that a record does not have.
	noValue = "_none"
	// otherValue stands for every value once there are maxNames names.
	otherValue = "_other"

	peerAddress = "@peer.address"
)

// Template is a name with fields in it, such as logs.{agent.name}.
type Template struct {
	literals []string // one more than fields
	fields   [][]string

	mutex sync.RWMutex
	names map[string]string // by the values
	other string
}

// Parse reads a template. A field is the path of a record's member, such as agent.name, or
// @peer.address, the IP address of the client.
func Parse(text string) (*Template, error) {
	t := &Template{names: map[string]string{}}
	for {
		literal, rest, isField := strings.Cut(text, "{")
		if strings.Contains(literal, "}") {
			return nil, errors.New("a } without a {")
		}
		t.literals = append(t.literals, literal)
		if !isField {
			break
		}
		field, after, isClosed := strings.Cut(rest, "}")
		if !isClosed {
			return nil, errors.New("a { without a }")
		}
		path, err := parseField(field)
		if err != nil {
			return nil, err
		}
		t.fields, text = append(t.fields, path), after
	}
	t.other = t.Pattern(otherValue)
	return t, nil
}

func parseField(field string) (path []string, err error) {
	if strings.HasPrefix(field, "@peer") {
		if field != peerAddress {
			return nil, fmt.Errorf("the only field of a client is {%s}", peerAddress)
		}
		return nil, nil
	}
	for name := range strings.SplitSeq(field, ".") {
		if name == "" || strings.ContainsAny(name, `"\{ `) {
			return nil, errors.New("what is between { and } is not a path such as agent.name")
		}
		path = append(path, `"`+name+`"`)
	}
	return path, nil
}

// HasFields reports whether the name depends on the record or the client.
func (t *Template) HasFields() bool { return len(t.fields) > 0 }

// Pattern returns the template with a text in place of each field.
func (t *Template) Pattern(text string) string { return strings.Join(t.literals, text) }

// Name returns the name for a record, which is JSON.
func (t *Template) Name(peer receiver.Peer, record []byte) string {
	if !t.HasFields() {
		return t.literals[0]
	}
	var room [256]byte
	values := room[:0]
	for _, path := range t.fields {
		if path == nil {
			host, _, err := net.SplitHostPort(peer.RemoteAddr)
			if err != nil {
				host = peer.RemoteAddr
			}
			values = appendSanitized(values, []byte(host))
		} else {
			values = appendSanitized(values, valueOf(record, path))
		}
		values = append(values, 0)
	}
	t.mutex.RLock()
	name, known := t.names[string(values)]
	t.mutex.RUnlock()
	if known {
		return name
	}
	return t.add(string(values))
}

// add makes a name of values, each of which ends with a zero byte.
func (t *Template) add(values string) string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if name, known := t.names[values]; known {
		return name
	}
	if len(t.names) >= maxNames {
		return t.other
	}
	name, rest := strings.Clone(t.literals[0]), values
	for _, literal := range t.literals[1:] {
		var value string
		value, rest, _ = strings.Cut(rest, "\x00")
		name += value + literal
	}
	t.names[values] = name
	return name
}

// valueOf returns a text without its quotes, a number, true or false; nothing for all else.
func valueOf(value []byte, path []string) []byte {
	for _, name := range path {
		value = identity.Member(value, name)
	}
	if len(value) == 0 || value[0] == '{' || value[0] == '[' || value[0] == 'n' {
		return nil
	}
	return bytes.Trim(value, `"`)
}

// appendSanitized leaves only what every engine allows inside a part of a name.
func appendSanitized(to, value []byte) []byte {
	if len(value) == 0 {
		return append(to, noValue...)
	}
	for _, c := range value[:min(len(value), MaxValueBytes)] {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			c = '_'
		}
		to = append(to, c)
	}
	return to
}
