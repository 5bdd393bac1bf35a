// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// message is what a format decodes. data may be changed by Records.Finish, but
// not by the format.
type message struct {
	data    []byte
	binary  bool     // if not, data has been checked to be UTF-8
	options *Options // of the Decoder, complete
}

// formatKind is one way to put records into messages. Each is one file, which registers
// it.
type formatKind struct {
	frames frameTypes
	// decode adds the records of m to list, and refuses single ones if the others can
	// still be read. An error says what is wrong with the message, in at most 123
	// bytes and without its content: it is sent to the client.
	decode func(m message, list *Records) error
}

// frameTypes are the kinds of messages that a format takes.
type frameTypes int

const (
	textFrames frameTypes = iota
	binaryFrames
	allFrames
)

// take reports whether such a message is taken.
func (f frameTypes) take(binary bool) bool {
	return f == allFrames || (f == binaryFrames) == binary
}

func (f frameTypes) String() string {
	return [...]string{"text", "binary", "all"}[f]
}

var formats = map[string]formatKind{}

// register is called from init functions only.
func register(name string, f formatKind) {
	formats[name] = f
}

// Formats returns the names of all formats, sorted.
func Formats() []string {
	return slices.Sorted(maps.Keys(formats))
}

var (
	// ErrFrameType is in the error of a message that is binary in a format of
	// text, or the other way round.
	ErrFrameType = errors.New("frame type")
	// ErrTooLong is in the error of a message that inflates to more than
	// Options.MaxMessageBytes.
	ErrTooLong = errors.New("too long")
	// ErrMemory is in the error of a message whose records take more than
	// Records.Limit.
	ErrMemory = errors.New("too much memory")
)

// errMemory is ErrMemory with the text for the client.
var errMemory = &markedError{text: "the records take too much memory", mark: ErrMemory}

// markedError is a text for the client with a mark for errors.Is.
type markedError struct {
	text string
	mark error
}

func (e *markedError) Error() string { return e.text }
func (e *markedError) Unwrap() error { return e.mark }

// Decoder decodes messages of one format. Its methods may be called from any
// goroutine.
type Decoder struct {
	name    string
	format  formatKind
	options Options
}

// New returns a Decoder for the format of that name. Its error names the option at
// fault.
func New(name string, options Options) (*Decoder, error) {
	f, ok := formats[name]
	if !ok {
		return nil, fmt.Errorf("option Format: %q is not one of %v", name, Formats())
	}
	if err := options.complete(); err != nil {
		return nil, err
	}
	return &Decoder{name: name, format: f, options: options}, nil
}

// Decode puts the records of a message into list. data must be UTF-8 unless binary
// is set, and belongs to list until list is used again. An error says why nothing
// of the message can be taken, in at most 123 bytes and without its content, so
// that the client may read it.
func (d *Decoder) Decode(data []byte, binary bool, list *Records) error {
	list.reset()
	if !d.format.frames.take(binary) {
		return &markedError{text: "format " + d.name + " takes " + d.format.frames.String() + " messages", mark: ErrFrameType}
	}
	list.format, list.exceeded = d.name, false
	err := d.format.decode(message{data: data, binary: binary, options: &d.options}, list)
	if list.exceeded {
		return errMemory // even if the format reports another problem: records may have been left out
	}
	return err
}

// MaxMemory is the maximum memory of the records of a message, unless it has many that
// are hardly longer than the two bytes of {}.
func (d *Decoder) MaxMemory() int64 { return maxMemoryFactor * d.options.MaxMessageBytes }

// maxMemoryFactor allows for records of JSON of two bytes each, whose slice headers
// take twelve times as much in a slice that has grown to them, and for records that
// are written, which are eight times as long as the message at most.
const maxMemoryFactor = 24
