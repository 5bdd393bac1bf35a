// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/tinylib/msgp/msgp"

	"filebeat-websocket/receiver/internal/jsonscan"
)

// anyExtension takes an extension of any type and points to its bytes.
type anyExtension struct {
	kind int8
	data []byte
}

func (e *anyExtension) ExtensionType() int8          { return e.kind }
func (e *anyExtension) Len() int                     { return len(e.data) }
func (e *anyExtension) MarshalBinaryTo([]byte) error { return nil }
func (e *anyExtension) UnmarshalBinary(b []byte) error {
	e.data = b
	return nil
}

// extensionKind returns the type of an extension, 0 if that is cut off.
func extensionKind(data []byte) int8 {
	at := 1
	switch data[0] {
	case 0xC7:
		at = 2
	case 0xC8:
		at = 3
	case 0xC9:
		at = 5
	}
	if at >= len(data) {
		return 0
	}
	return int8(data[at])
}

// extension writes a time as text, and anything else as an object.
func (u *unpacker) extension(depth int) error {
	before := u.rest
	kind := extensionKind(before)
	data, err := u.bytes()
	if err != nil {
		return err
	}
	if at, ok := extensionTime(kind, data); ok {
		u.out = appendTime(u.out, at)
		return nil
	}
	if depth == jsonscan.MaxDepth {
		u.rest = before
		return u.tooDeep()
	}
	u.out = append(u.out, `{"type":`...)
	u.out = strconv.AppendInt(u.out, int64(kind), 10)
	u.out = append(u.out, `,"data":"`...)
	u.out = base64.StdEncoding.AppendEncode(u.out, data)
	u.out = append(u.out, `"}`...)
	return nil
}

func (u *unpacker) extensionKey() error {
	kind := extensionKind(u.rest)
	data, err := u.bytes()
	if err != nil {
		return err
	}
	if at, ok := extensionTime(kind, data); ok {
		u.out = appendTime(u.out, at)
		return nil
	}
	u.out = append(u.out, '"')
	u.out = strconv.AppendInt(u.out, int64(kind), 10)
	u.out = append(u.out, ':')
	u.out = base64.StdEncoding.AppendEncode(u.out, data)
	u.out = append(u.out, '"')
	return nil
}

// extensionTime reads EventTime (type 0, Forward's) and MessagePack's timestamp
// (type -1), if RFC 3339 has a year for it.
func extensionTime(kind int8, data []byte) (time.Time, bool) {
	if at, ok := eventTime(kind, data); ok {
		return at, true
	}
	if kind != msgp.MsgTimeExtension {
		return time.Time{}, false
	}
	var at time.Time
	switch len(data) {
	case 4:
		at = time.Unix(int64(binary.BigEndian.Uint32(data)), 0)
	case 8:
		both := binary.BigEndian.Uint64(data) // 30 bits of nanoseconds, 34 of seconds
		at = time.Unix(int64(both&(1<<34-1)), int64(both>>34))
	case 12:
		seconds := int64(binary.BigEndian.Uint64(data[4:]))
		if seconds > maxSeconds || seconds < -maxSeconds {
			return time.Time{}, false
		}
		at = time.Unix(seconds, int64(binary.BigEndian.Uint32(data)))
	default:
		return time.Time{}, false
	}
	return at, sayable(at)
}

// eventTime reads D7 00 or C7 08 00 with seconds and nanoseconds behind it.
func eventTime(kind int8, data []byte) (time.Time, bool) {
	if kind != 0 || len(data) != 8 {
		return time.Time{}, false
	}
	return time.Unix(int64(binary.BigEndian.Uint32(data)), int64(binary.BigEndian.Uint32(data[4:]))), true
}

// maxSeconds is far beyond the year 9999, and small enough for package time to be
// exact.
const maxSeconds = 1 << 40

// sayable reports whether RFC 3339, with its four-digit years, can express the time.
func sayable(at time.Time) bool {
	year := at.UTC().Year()
	return year >= 0 && year <= 9999
}

func appendTime(to []byte, at time.Time) []byte {
	return append(at.UTC().AppendFormat(append(to, '"'), time.RFC3339Nano), '"')
}

// appendTime reads the time of a record. Seconds that RFC 3339 cannot express, which may
// be milliseconds, stay a number.
func (u *unpacker) appendTime() error {
	start := len(u.out)
	if err := u.value(0); err != nil {
		return err
	}
	if number := u.out[start:]; number[0] != '"' {
		if at, ok := unixTime(string(number)); ok {
			u.out = appendTime(u.out[:start], at)
		}
	}
	return nil
}

// unixTime reads seconds since 1970, to the last digit that they have.
func unixTime(number string) (time.Time, bool) {
	if strings.ContainsAny(number, "en") { // null, or far beyond any year
		return time.Time{}, false
	}
	whole, fraction, _ := strings.Cut(number, ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || seconds > maxSeconds || seconds < -maxSeconds {
		return time.Time{}, false
	}
	nanoseconds, err := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	if strings.HasPrefix(number, "-") {
		nanoseconds = -nanoseconds
	}
	at := time.Unix(seconds, nanoseconds)
	return at, sayable(at)
}

// appendFloat appends a number as encoding/json does, with as few digits as tell
// it from all others.
func appendFloat(to []byte, number float64, bits int) []byte {
	if math.IsNaN(number) || math.IsInf(number, 0) {
		return append(to, "null"...)
	}
	format := byte('f')
	if size := math.Abs(number); size != 0 && (size < 1e-6 || size >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(to, number, format, -1, bits)
}
