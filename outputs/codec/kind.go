// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"fmt"

	"filebeat-websocket/outputs/internal/registry"
)

// Kind is what a codec registers: how to make it, and what an output needs to know to
// carry its records. New and Framings are required; the zero value of the rest
// is the usual case.
type Kind struct {
	// New makes the codec.
	New Factory
	// Framings are the framings from which a receiver can tell the records of a
	// message apart.
	Framings []string
	// Formats are the values of an output's `format` that choose this codec, each
	// with its default framing, which is one of Framings. Nil is one format, which
	// has the codec's name and the first of Framings.
	Formats map[string]string
	// Options returns the options of the codec with their defaults, as a pointer to
	// a struct. Nil means that the codec has none.
	Options func() Options
	// Binary means that records are not text and need binary frames.
	Binary bool
	// Replaceable means that codec.* may replace the records of these formats.
	Replaceable bool
	// Document means that a record is the event itself as JSON.
	Document bool
	// InLibbeat means that libbeat has a codec of this name, which is what codec.NAME
	// chooses.
	InLibbeat bool
	// OnlyAsFormat says why codec.NAME is refused. Empty means that it is allowed.
	OnlyAsFormat string
}

// Format is a value of an output's `format`.
type Format struct {
	Codec   string
	Framing string // the default one
}

var (
	kindsByName   = registry.New[Kind]("codec")
	formatsByName = registry.New[Format]("format")
)

// Register makes a codec known by name, with its formats, and offers it to
// libbeat's outputs as codec.NAME. It is called from init and panics on a name
// that is taken and on a kind that is not complete.
func Register(name string, kind Kind) {
	if kind.New == nil || len(kind.Framings) == 0 {
		panic(fmt.Sprintf("codec %q lacks New or Framings", name))
	}
	if kind.Formats == nil {
		kind.Formats = map[string]string{name: kind.Framings[0]}
	}
	kindsByName.Register(name, kind)
	for format, framing := range kind.Formats {
		formatsByName.Register(format, Format{Codec: name, Framing: framing})
	}
	if !kind.InLibbeat && kind.OnlyAsFormat == "" {
		offerToLibbeat(name)
	}
}

// Get returns the codec of that name, or an error that lists the known ones.
func Get(name string) (Kind, error) { return kindsByName.Get(name) }

// Names returns the names of all codecs, sorted.
func Names() []string { return kindsByName.Names() }

// GetFormat returns the format of that name, or an error that lists the known
// ones.
func GetFormat(name string) (Format, error) { return formatsByName.Get(name) }

// FormatNames returns the names of all formats, sorted.
func FormatNames() []string { return formatsByName.Names() }
