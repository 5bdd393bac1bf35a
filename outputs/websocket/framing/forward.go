// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package framing

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/tinylib/msgp/msgp"

	"filebeat-websocket/protocol/forward"
)

func init() { Register("forward", forwardRequest{mode: ModePacked, tag: DefaultTag}) }

// The modes of Fluent Forward: how records lie in a request.
const (
	// ModeMessage is one record in a request: [tag, time, record, option?].
	ModeMessage = "message"
	// ModeForward is an array of entries: [tag, [[time, record], …], option].
	ModeForward = "forward"
	// ModePacked is the entries back to back in a bin: [tag, bin, option].
	ModePacked = "packed"
	// ModeCompressed is the same, compressed with gzip.
	ModeCompressed = "compressed"
)

// ForwardModes are the modes that ForwardOptions takes.
var ForwardModes = []string{ModeMessage, ModeForward, ModePacked, ModeCompressed}

// DefaultTag is the tag of requests without one from the settings.
const DefaultTag = "filebeat"

// ForwardOptions are the settings of Fluent Forward's framing.
type ForwardOptions struct {
	// Mode is one of ForwardModes.
	Mode string
	// Chunks asks the receiver to confirm each request, by its chunk id.
	Chunks bool
}

// Forward returns the framing of Fluent Forward. Its records are entries [time,
// record], its messages a request each, and its groups the tags of requests.
func Forward(options ForwardOptions) (Requests, error) {
	return forwardRequest{tag: DefaultTag}.With(options)
}

func (f forwardRequest) With(options ForwardOptions) (Requests, error) {
	if !slices.Contains(ForwardModes, options.Mode) {
		return nil, fmt.Errorf("unknown mode %q, known are %s", options.Mode, strings.Join(ForwardModes, ", "))
	}
	f.mode, f.chunks = options.Mode, options.Chunks
	return f, nil
}

// forwardRequest lays entries out as one request of the Fluent Forward protocol.
type forwardRequest struct {
	mode   string
	chunks bool
	tag    string
	salt   []byte // of the chunk id; nil for none
}

func (forwardRequest) Strategy() string { return "forward" }

func (f forwardRequest) Group(name string) Framing {
	f.tag = name
	return f
}

// Numbered implements Numbered.
func (f forwardRequest) Numbered(number uint64) Framing {
	f.salt = binary.BigEndian.AppendUint64(nil, number)
	return f
}

func (f forwardRequest) Single() bool { return f.mode == ModeMessage }

func (f forwardRequest) Size(records, recordBytes int) int {
	bytes := 1 + stringBytes(len(f.tag)) + f.optionBytes(records)
	switch f.mode {
	case ModeMessage:
		return bytes + recordBytes - 1 // without the header of the pair
	case ModeForward:
		return bytes + arrayHeaderBytes(records) + recordBytes
	case ModeCompressed:
		return bytes + bin32HeaderBytes + gzipBound(recordBytes)
	default:
		return bytes + binHeaderBytes(recordBytes) + recordBytes
	}
}

func (f forwardRequest) Append(dst []byte, records [][]byte) []byte {
	elements := uint32(3)
	if f.mode == ModeMessage && !f.chunks {
		elements = 2
	}
	if f.mode == ModeMessage {
		elements++ // time and record instead of the entries
	}
	dst = msgp.AppendArrayHeader(dst, elements)
	dst = msgp.AppendString(dst, f.tag)
	switch f.mode {
	case ModeMessage:
		dst = append(dst, records[0][1:]...)
	case ModeForward:
		dst = msgp.AppendArrayHeader(dst, uint32(len(records)))
		dst = appendAll(dst, records)
	case ModeCompressed:
		dst = appendGzipped(dst, records)
	default:
		recordBytes := 0
		for _, record := range records {
			recordBytes += len(record)
		}
		dst = msgp.AppendBytesHeader(dst, uint32(recordBytes))
		dst = appendAll(dst, records)
	}
	return f.appendOption(dst, records)
}

func appendAll(dst []byte, records [][]byte) []byte {
	for _, record := range records {
		dst = append(dst, record...)
	}
	return dst
}

// appendOption appends the map at the end of a request. A single record needs no
// size.
func (f forwardRequest) appendOption(dst []byte, records [][]byte) []byte {
	pairs := f.optionPairs()
	if pairs == 0 {
		return dst
	}
	dst = msgp.AppendMapHeader(dst, pairs)
	if f.mode != ModeMessage {
		dst = msgp.AppendString(dst, forward.OptionSize)
		dst = msgp.AppendUint64(dst, uint64(len(records)))
	}
	if f.chunks {
		dst = msgp.AppendString(dst, forward.OptionChunk)
		dst = append(dst, 0xA0|forward.ChunkBytes) // the header of a short str
		dst = forward.AppendChunk(dst, f.salt, records...)
	}
	if f.mode == ModeCompressed {
		dst = msgp.AppendString(dst, forward.OptionCompressed)
		dst = msgp.AppendString(dst, "gzip")
	}
	return dst
}

func (f forwardRequest) optionPairs() (pairs uint32) {
	if f.mode != ModeMessage {
		pairs++
	}
	if f.chunks {
		pairs++
	}
	if f.mode == ModeCompressed {
		pairs++
	}
	return pairs
}

func (f forwardRequest) optionBytes(records int) int {
	if f.optionPairs() == 0 {
		return 0
	}
	bytes := 1
	if f.mode != ModeMessage {
		bytes += 1 + len(forward.OptionSize) + uintBytes(records)
	}
	if f.chunks {
		bytes += 1 + len(forward.OptionChunk) + 1 + forward.ChunkBytes
	}
	if f.mode == ModeCompressed {
		bytes += 1 + len(forward.OptionCompressed) + 1 + len("gzip")
	}
	return bytes
}

// The lengths of what MessagePack puts before a value, as msgp chooses them.

func stringBytes(length int) int {
	switch {
	case length < 1<<5:
		return 1 + length
	case length < 1<<8:
		return 2 + length
	case length < 1<<16:
		return 3 + length
	}
	return 5 + length
}

func binHeaderBytes(length int) int {
	switch {
	case length < 1<<8:
		return 2
	case length < 1<<16:
		return 3
	}
	return bin32HeaderBytes
}

const bin32HeaderBytes = 5

func arrayHeaderBytes(length int) int {
	switch {
	case length < 1<<4:
		return 1
	case length < 1<<16:
		return 3
	}
	return 5
}

func uintBytes(value int) int {
	switch {
	case value < 1<<7:
		return 1
	case value < 1<<8:
		return 2
	case value < 1<<16:
		return 3
	}
	return 5
}

var (
	_ Requests = forwardRequest{}
	_ Numbered = forwardRequest{}
)
