// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package framing

import "filebeat-websocket/outputs/internal/registry"

// Framing turns records into one message.
type Framing interface {
	// Single reports whether a message holds exactly one record.
	Single() bool

	// Size returns the length in bytes of a message of that many records with
	// recordBytes bytes in total, or an upper bound where the framing compresses. It
	// never falls when either number rises.
	Size(records, recordBytes int) int

	// Append appends the message that holds records to dst and returns the
	// extended slice. It keeps neither dst nor records.
	Append(dst []byte, records [][]byte) []byte
}

// Grouped is a Framing whose messages name what their records belong to, such as
// a tag. Records of different groups go in different messages.
type Grouped interface {
	Framing

	// Group returns the framing of the messages of that group.
	Group(name string) Framing
}

// Numbered is a Framing that tells messages apart whose records are equal: a receiver that
// leaves out what comes again must not leave out what was there twice.
type Numbered interface {
	Framing

	// Numbered returns the framing of the message with that number, which is not 0 and
	// is the same when the message is sent again.
	Numbered(number uint64) Framing
}

// Requests is a Framing whose messages are requests of a protocol with settings and
// confirmations of its own.
type Requests interface {
	Grouped

	// Strategy returns the name of the ack strategy for these confirmations.
	Strategy() string

	// With returns the framing with other settings.
	With(options ForwardOptions) (Requests, error)
}

// InGroup returns the framing of the messages of a group. It is f itself if its
// messages name no group.
func InGroup(f Framing, group string) Framing {
	if grouped, ok := f.(Grouped); ok {
		return grouped.Group(group)
	}
	return f
}

var framings = registry.New[Framing]("framing")

// Register makes a framing known under the name that `framing:` takes. It is
// called from init functions and panics if the name is taken.
func Register(name string, f Framing) { framings.Register(name, f) }

// Get returns the framing of that name, or an error that lists the known ones.
func Get(name string) (Framing, error) { return framings.Get(name) }

// Names returns the names of all framings in alphabetical order.
func Names() []string { return framings.Names() }
