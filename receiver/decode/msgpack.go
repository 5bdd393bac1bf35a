// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

import (
	"bytes"
	"slices"

	"github.com/tinylib/msgp/msgp"
)

const formatMsgpack = "msgpack"

func init() {
	register(formatMsgpack, formatKind{frames: binaryFrames, decode: decodeMsgpack})
}

// decodeMsgpack: [[time, metadata], record] or [time, record], one after the
// other, as Fluent Bit writes them; with an option also the record alone.
func decodeMsgpack(m message, list *Records) error {
	return decodeEntries(m.data, nil, m.options, list)
}

// decodeEntries adds the records of entries, to the end of the input. tag is nil if they
// have none.
func decodeEntries(data, tag []byte, o *Options, list *Records) error {
	if !list.room(maxEscaped * len(data)) {
		return errMemory
	}
	u := list.unpack(data)
	for len(u.rest) > 0 {
		if err := u.entry(tag, o, list); err != nil {
			return err
		}
	}
	return nil
}

// entry reads [time, record] or [[time, metadata], record], or the record alone where
// that is allowed.
func (u *unpacker) entry(tag []byte, o *Options, list *Records) error {
	u.out = list.written
	if o.Msgpack.BareRecords && msgp.NextType(u.rest) == msgp.MapType {
		u.head = head{}
		return u.record(o, list)
	}
	if elements, err := u.array(); err != nil {
		return err
	} else if elements != 2 {
		return u.fail("not an array of time and record")
	}
	u.head = head{tag: tag}
	if msgp.NextType(u.rest) == msgp.ArrayType {
		if elements, err := u.array(); err != nil {
			return err
		} else if elements != 2 {
			return u.fail("not an array of time and metadata")
		}
		if err := u.time(); err != nil {
			return err
		}
		u.head.metadata = u.rest
		if kind := msgp.NextType(u.rest); kind != msgp.MapType && kind != msgp.NilType {
			return u.fail("metadata is not a map")
		}
		if err := u.skip(1); err != nil {
			return err
		}
		u.head.metadata = u.head.metadata[:len(u.head.metadata)-len(u.rest)]
	} else if err := u.time(); err != nil {
		return err
	}
	return u.record(o, list)
}

// head is what comes with a record. Each part becomes a field of the record, unless the
// record has a field of that name.
type head struct {
	time     []byte // as MessagePack, like metadata; nil if there is none
	metadata []byte // nil if there is none
	tag      []byte // plain text; nil if there is none
}

// Names of the fields that a head becomes.
const (
	timeField     = `"@timestamp"`
	metadataField = `"@metadata"`
	tagField      = `"tag"`
)

// time reads the time of the head.
func (u *unpacker) time() error {
	before := u.rest
	switch msgp.NextType(before) {
	case msgp.IntType, msgp.UintType, msgp.Float32Type, msgp.Float64Type:
		if err := u.skip(0); err != nil {
			return err
		}
	case msgp.ExtensionType, msgp.TimeType:
		kind := extensionKind(before)
		data, err := u.bytes()
		if err != nil {
			return err
		}
		if _, ok := extensionTime(kind, data); !ok {
			u.rest = before
			return u.fail("not a time")
		}
	default:
		return u.fail("not a time")
	}
	u.head.time = before[:len(before)-len(u.rest)]
	return nil
}

// record reads a map and adds it, with its head, as an object.
func (u *unpacker) record(o *Options, list *Records) error {
	if msgp.NextType(u.rest) != msgp.MapType {
		return u.fail("record is not a map")
	}
	u.out = list.written
	start := len(u.out)
	u.out = append(u.out, '{')
	var extra [3][2]int // where the fields of the head are
	for i := range extra {
		from := len(u.out)
		if err := u.headField(i); err != nil {
			return err
		}
		if len(u.out) > from {
			u.out = append(u.out, ',')
		}
		extra[i] = [2]int{from, len(u.out)}
	}
	fields := len(u.out)
	own, err := u.fields(1)
	if err != nil {
		return err
	}
	if len(u.out) == fields && fields > start+1 {
		u.out = u.out[:fields-1] // the comma
	}
	u.out = append(u.out, '}')
	for i, is := range slices.Backward(own[:]) {
		if is {
			u.out = slices.Delete(u.out, extra[i][0], extra[i][1])
		}
	}
	list.written = u.out
	return list.wrote(o)
}

// headField writes the field of the head with that index in headFields, if there
// is something to write.
func (u *unpacker) headField(i int) error {
	switch i {
	case 0:
		if u.head.time == nil {
			return nil
		}
		u.out = append(append(u.out, timeField...), ':')
		return u.part(u.head.time, (*unpacker).appendTime)
	case 1:
		// Without metadata, and for nil, there are no pairs either.
		if pairs, _, _ := msgp.ReadMapHeaderBytes(u.head.metadata); pairs == 0 {
			return nil
		}
		u.out = append(append(u.out, metadataField...), ':')
		return u.part(u.head.metadata, func(u *unpacker) error { return u.value(1) })
	}
	if u.head.tag != nil {
		u.out = append(append(u.out, tagField...), ':')
		u.out = appendQuoted(u.out, u.head.tag)
	}
	return nil
}

// headFields are the names of the fields, as they are written.
var headFields = [3][]byte{[]byte(timeField), []byte(metadataField), []byte(tagField)}

// ofHead returns the index in headFields of a key as it was written.
func ofHead(key []byte) int {
	return slices.IndexFunc(headFields[:], func(name []byte) bool { return bytes.Equal(name, key) })
}

// part reads an earlier part of the message.
func (u *unpacker) part(part []byte, read func(*unpacker) error) error {
	rest := u.rest
	u.rest = part
	err := read(u)
	u.rest = rest
	return err
}
