// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package framing

import "filebeat-websocket/outputs/internal/registry"

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

var framings = registry.New[Framing]("framing")

// Register makes a framing known under the name that `framing:` takes. It is
// called from init functions and panics if the name is taken.
func Register(name string, f Framing) { framings.Register(name, f) }

// Get returns the framing of that name, or an error that lists the known ones.
func Get(name string) (Framing, error) { return framings.Get(name) }

// Names returns the names of all framings in alphabetical order.
func Names() []string { return framings.Names() }
