// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"

	"filebeat-websocket/receiver/internal/jsonscan"
)

// msgpackError is the offset at which MessagePack is not what is expected. It has no
// content.
type msgpackError struct {
	what string
	at   int
}

func (e *msgpackError) Error() string { return fmt.Sprintf("%s at byte %d", e.what, e.at) }

// unpacker turns MessagePack into JSON. It holds only parts of the message and what it
// writes: a claimed length costs nothing.
//
//   - Text is as it is, a byte that is not part of a UTF-8 sequence U+FFFD. bin is
//     text if it is UTF-8, else Base64 of it.
//   - Numbers keep all their digits. NaN and the infinities, which JSON lacks, are
//     null.
//   - EventTime and MessagePack's own timestamp are RFC 3339 texts in UTC, with as
//     many digits as it takes, up to nanoseconds. Another extension is
//     {"type":7,"data":"Base64"}.
//   - A key that is not text becomes the text of its JSON; of an extension, type:Base64.
//     A list or a map as a key is an error: a text of JSON in a text of JSON, and
//     so on, would double with each level.
//   - A key that a map has twice comes twice.
type unpacker struct {
	data []byte // all of it, for the positions in errors
	rest []byte // what is not read yet
	out  []byte
	head head         // of the record that comes next
	any  anyExtension // bytes reads extensions into it; kept here to save allocations
}

func (u *unpacker) fail(what string) error {
	return &msgpackError{what: what, at: len(u.data) - len(u.rest)}
}

// failed translates an error of msgp: the input ends too early, or is invalid.
func (u *unpacker) failed(err error) error {
	if errors.Is(err, msgp.ErrShortBytes) {
		return u.short()
	}
	return u.fail("invalid MessagePack")
}

func (u *unpacker) short() error { return u.fail("MessagePack is cut short") }

// array reads the header of an array. Each element has at least one byte.
func (u *unpacker) array() (elements uint32, err error) {
	elements, rest, err := msgp.ReadArrayHeaderBytes(u.rest)
	switch {
	case err != nil && msgp.NextType(u.rest) != msgp.ArrayType:
		return 0, u.fail("not an array")
	case err != nil:
		return 0, u.failed(err)
	case uint64(elements) > uint64(len(rest)):
		return 0, u.short()
	}
	u.rest = rest
	return elements, nil
}

// pairs reads the header of a map. Each pair has at least two bytes.
func (u *unpacker) pairs() (pairs uint32, err error) {
	pairs, rest, err := msgp.ReadMapHeaderBytes(u.rest)
	switch {
	case err != nil:
		return 0, u.failed(err)
	case 2*uint64(pairs) > uint64(len(rest)):
		return 0, u.short()
	}
	u.rest = rest
	return pairs, nil
}

// bytes reads a str, a bin or an extension, without its type. The lengths of 32
// bits are checked here, since msgp makes an int of them, which on some machines
// has no more.
func (u *unpacker) bytes() (value []byte, err error) {
	if len(u.rest) >= 5 {
		switch lead := u.rest[0]; lead {
		case 0xC6, 0xC9, 0xDB: // bin, ext and str of 32 bits
			if length := binary.BigEndian.Uint32(u.rest[1:]); uint64(length) > uint64(len(u.rest)) {
				return nil, u.short()
			}
		}
	}
	var rest []byte
	switch msgp.NextType(u.rest) {
	case msgp.StrType:
		value, rest, err = msgp.ReadStringZC(u.rest)
	case msgp.BinType:
		value, rest, err = msgp.ReadBytesZC(u.rest)
	default:
		u.any.kind = extensionKind(u.rest)
		rest, err = msgp.ReadExtensionBytes(u.rest, &u.any)
		value = u.any.data
	}
	if err != nil {
		return nil, u.failed(err)
	}
	u.rest = rest
	return value, nil
}

// value reads a value inside of depth others and writes it.
func (u *unpacker) value(depth int) error {
	switch kind := msgp.NextType(u.rest); kind {
	case msgp.StrType:
		text, err := u.bytes()
		u.out = appendQuoted(u.out, text)
		return err
	case msgp.BinType:
		data, err := u.bytes()
		u.out = appendBinary(u.out, data)
		return err
	case msgp.MapType:
		if depth == jsonscan.MaxDepth {
			return u.tooDeep()
		}
		u.out = append(u.out, '{')
		_, err := u.fields(depth + 1)
		u.out = append(u.out, '}')
		return err
	case msgp.ArrayType:
		if depth == jsonscan.MaxDepth {
			return u.tooDeep()
		}
		return u.list(depth + 1)
	case msgp.ExtensionType, msgp.TimeType, msgp.Complex64Type, msgp.Complex128Type:
		return u.extension(depth)
	default:
		return u.scalar(kind)
	}
}

func (u *unpacker) tooDeep() error {
	return u.fail(fmt.Sprintf("MessagePack nested deeper than %d", jsonscan.MaxDepth))
}

func (u *unpacker) list(depth int) error {
	elements, err := u.array()
	if err != nil {
		return err
	}
	u.out = append(u.out, '[')
	for i := range elements {
		if i > 0 {
			u.out = append(u.out, ',')
		}
		if err := u.value(depth); err != nil {
			return err
		}
	}
	u.out = append(u.out, ']')
	return nil
}

// fields reads a map and writes what is between the braces. own says which of headFields
// are keys of the map.
func (u *unpacker) fields(depth int) (own [len(headFields)]bool, err error) {
	pairs, err := u.pairs()
	if err != nil {
		return own, err
	}
	for i := range pairs {
		if i > 0 {
			u.out = append(u.out, ',')
		}
		start := len(u.out)
		if err := u.key(); err != nil {
			return own, err
		}
		if depth == 1 {
			if i := ofHead(u.out[start:]); i >= 0 {
				own[i] = true
			}
		}
		u.out = append(u.out, ':')
		if err := u.value(depth); err != nil {
			return own, err
		}
	}
	return own, nil
}

func (u *unpacker) key() error {
	switch kind := msgp.NextType(u.rest); kind {
	case msgp.StrType, msgp.BinType:
		return u.value(0)
	case msgp.MapType, msgp.ArrayType:
		return u.fail("array or map as a key")
	case msgp.ExtensionType, msgp.TimeType, msgp.Complex64Type, msgp.Complex128Type:
		return u.extensionKey()
	default:
		u.out = append(u.out, '"')
		err := u.scalar(kind)
		u.out = append(u.out, '"')
		return err
	}
}

// scalar reads what is neither text nor a container.
func (u *unpacker) scalar(kind msgp.Type) (err error) {
	rest := u.rest
	switch kind {
	case msgp.NilType:
		rest, err = msgp.ReadNilBytes(rest)
		u.out = append(u.out, "null"...)
	case msgp.BoolType:
		var is bool
		is, rest, err = msgp.ReadBoolBytes(rest)
		u.out = strconv.AppendBool(u.out, is)
	case msgp.IntType:
		var number int64
		number, rest, err = msgp.ReadInt64Bytes(rest)
		u.out = strconv.AppendInt(u.out, number, 10)
	case msgp.UintType:
		var number uint64
		number, rest, err = msgp.ReadUint64Bytes(rest)
		u.out = strconv.AppendUint(u.out, number, 10)
	case msgp.Float32Type:
		var number float32
		number, rest, err = msgp.ReadFloat32Bytes(rest)
		u.out = appendFloat(u.out, float64(number), 32)
	case msgp.Float64Type:
		var number float64
		number, rest, err = msgp.ReadFloat64Bytes(rest)
		u.out = appendFloat(u.out, number, 64)
	default:
		if len(rest) == 0 {
			return u.short()
		}
		return u.fail("invalid MessagePack")
	}
	if err != nil {
		return u.failed(err)
	}
	u.rest = rest
	return nil
}

// skip reads a value inside of depth others and discards what is written, so that only
// one piece of code reads MessagePack.
func (u *unpacker) skip(depth int) error {
	end := len(u.out)
	err := u.value(depth)
	u.out = u.out[:end]
	return err
}

func appendQuoted(to, text []byte) []byte {
	return append(appendEscaped(append(to, '"'), text), '"')
}

func appendBinary(to, data []byte) []byte {
	if utf8.Valid(data) {
		return appendQuoted(to, data)
	}
	return append(base64.StdEncoding.AppendEncode(append(to, '"'), data), '"')
}
