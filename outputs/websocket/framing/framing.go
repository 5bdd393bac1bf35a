// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package framing

import (
	"fmt"
	"slices"
	"strings"
)

// Framing turns records into one message.
type Framing interface {
	// Single reports that a message holds exactly one record.
	Single() bool

	// Size returns the length in bytes of a message that holds so many records
	// of recordBytes bytes in all.
	Size(records, recordBytes int) int

	// Append appends the message that holds records to dst and returns the
	// extended slice. It keeps neither dst nor records.
	Append(dst []byte, records [][]byte) []byte
}

var registry = map[string]Framing{}

// Register makes a framing known under the name that `framing:` takes. It is
// called from init functions and panics if the name is taken.
func Register(name string, f Framing) {
	if _, exists := registry[name]; exists {
		panic(fmt.Sprintf("framing %q is registered twice", name))
	}
	registry[name] = f
}

// Get returns the framing of that name, or an error that lists the known ones.
func Get(name string) (Framing, error) {
	f, ok := registry[name]
	if !ok {
		return nil, fmt.Errorf("unknown framing %q, known are %s", name, strings.Join(Names(), ", "))
	}
	return f, nil
}

// Names returns the names of all framings in alphabetical order.
func Names() []string {
	names := make([]string, 0, len(registry))
	for name := range registry {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
