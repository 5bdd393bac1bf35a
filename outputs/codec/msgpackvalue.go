// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"encoding/json"
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/common"
	"github.com/elastic/elastic-agent-libs/mapstr"
	"github.com/tinylib/msgp/msgp"
)

// msgpackValues appends single values as MessagePack, without allocating for the
// kinds named in append. Text goes out as str, byte for byte, even if it is not
// valid UTF-8, and bytes as bin. Times are text, as in JSON; every other kind has
// the value that JSON has for it. It is used by one goroutine at a time.
type msgpackValues struct {
	json jsonValues
	// scratch holds the JSON of a value of another kind.
	scratch []byte
}

func (m *msgpackValues) append(dst []byte, v any, depth int) ([]byte, error) {
	switch v := v.(type) {
	case string:
		return msgp.AppendString(dst, v), nil
	case mapstr.M:
		return m.appendMap(dst, v, depth)
	case map[string]any:
		return m.appendMap(dst, v, depth)
	case int64:
		return msgp.AppendInt64(dst, v), nil
	case int:
		return msgp.AppendInt(dst, v), nil
	case uint64:
		return msgp.AppendUint64(dst, v), nil
	case bool:
		return msgp.AppendBool(dst, v), nil
	case float64:
		return msgp.AppendFloat64(dst, v), nil
	case nil:
		return msgp.AppendNil(dst), nil
	case []string:
		return appendMsgpackList(dst, v, msgp.AppendString), nil
	case []any:
		return appendMsgpackNested(dst, v, depth, m.append)
	case []mapstr.M:
		return appendMsgpackNested(dst, v, depth, m.appendMapstr)
	case []map[string]any:
		return appendMsgpackNested(dst, v, depth, m.appendMap)
	case map[string]string:
		return msgp.AppendMapStrStr(dst, v), nil
	case []byte:
		return msgp.AppendBytes(dst, v), nil
	default:
		return m.appendRare(dst, v, depth)
	}
}

// appendRare is a separate switch, so that the usual kinds are found sooner.
func (m *msgpackValues) appendRare(dst []byte, v any, depth int) ([]byte, error) {
	switch v := v.(type) {
	case time.Time:
		return m.appendTime(dst, v), nil
	case common.Time:
		return m.appendTime(dst, time.Time(v)), nil
	case *time.Time:
		return m.appendTimePointer(dst, v), nil
	case *common.Time:
		return m.appendTimePointer(dst, (*time.Time)(v)), nil
	case time.Duration:
		return msgp.AppendInt64(dst, int64(v)), nil
	case json.Number:
		return msgp.AppendString(dst, string(v)), nil
	case uint:
		return msgp.AppendUint(dst, v), nil
	case int32:
		return msgp.AppendInt32(dst, v), nil
	case uint32:
		return msgp.AppendUint32(dst, v), nil
	case int16:
		return msgp.AppendInt16(dst, v), nil
	case uint16:
		return msgp.AppendUint16(dst, v), nil
	case int8:
		return msgp.AppendInt8(dst, v), nil
	case uint8:
		return msgp.AppendUint8(dst, v), nil
	case float32:
		return msgp.AppendFloat32(dst, v), nil
	case []int:
		return appendMsgpackList(dst, v, msgp.AppendInt), nil
	case []int64:
		return appendMsgpackList(dst, v, msgp.AppendInt64), nil
	case []uint64:
		return appendMsgpackList(dst, v, msgp.AppendUint64), nil
	case []float64:
		return appendMsgpackList(dst, v, msgp.AppendFloat64), nil
	case []bool:
		return appendMsgpackList(dst, v, msgp.AppendBool), nil
	case []time.Time:
		return appendMsgpackList(dst, v, m.appendTime), nil
	}
	encoded, err := m.json.append(m.scratch[:0], v, depth)
	if err != nil {
		return dst, err
	}
	m.scratch = encoded
	plain, err := decodePlain(encoded)
	if err != nil {
		return dst, valueError("cannot make JSON of", v)
	}
	return m.append(dst, plain, depth)
}

func (m *msgpackValues) appendMapstr(dst []byte, v mapstr.M, depth int) ([]byte, error) {
	return m.appendMap(dst, v, depth)
}

func (m *msgpackValues) appendMap(dst []byte, v map[string]any, depth int) ([]byte, error) {
	return m.appendMembers(msgp.AppendMapHeader(dst, uint32(len(v))), v, depth)
}

// appendMembers appends the entries of v without a header.
func (m *msgpackValues) appendMembers(dst []byte, v map[string]any, depth int) ([]byte, error) {
	if depth > maxDepth {
		return dst, encodeError(errTooDeep)
	}
	var err error
	for key, entry := range v {
		dst = msgp.AppendString(dst, key)
		if dst, err = m.append(dst, entry, depth+1); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// appendRecord appends the fields of event, and its _id, if it has one, as
// @metadata, unless the event has a field of that name.
func (m *msgpackValues) appendRecord(dst []byte, event *beat.Event) ([]byte, error) {
	id := eventID(event)
	if _, taken := event.Fields[metadataField]; taken || id == nil {
		return m.appendMap(dst, event.Fields, 1)
	}
	dst = msgp.AppendMapHeader(dst, uint32(len(event.Fields)+1))
	dst, err := m.appendMembers(dst, event.Fields, 1)
	if err != nil {
		return dst, err
	}
	dst = msgp.AppendString(dst, metadataField)
	dst = msgp.AppendString(msgp.AppendMapHeader(dst, 1), idField)
	return m.append(dst, id, 3)
}

// appendTime appends the text of t. Its header holds the length, which is known only
// after: one byte for up to 31 bytes, two for up to 255.
func (m *msgpackValues) appendTime(dst []byte, t time.Time) []byte {
	const (
		shortString, longestShort = 0xA0, 31
		mediumString              = 0xD9
	)
	header := len(dst)
	dst = m.json.times.append(append(dst, shortString), t)
	textBytes := len(dst) - header - 1
	if textBytes <= longestShort {
		dst[header] |= byte(textBytes)
		return dst
	}
	dst = append(dst, 0)
	copy(dst[header+2:], dst[header+1:])
	dst[header], dst[header+1] = mediumString, byte(textBytes)
	return dst
}

func (m *msgpackValues) appendTimePointer(dst []byte, t *time.Time) []byte {
	if t == nil {
		return msgp.AppendNil(dst)
	}
	return m.appendTime(dst, *t)
}

func appendMsgpackList[T any](dst []byte, list []T, appendEntry func([]byte, T) []byte) []byte {
	dst = msgp.AppendArrayHeader(dst, uint32(len(list)))
	for _, v := range list {
		dst = appendEntry(dst, v)
	}
	return dst
}

func appendMsgpackNested[T any](dst []byte, list []T, depth int, appendEntry func([]byte, T, int) ([]byte, error)) ([]byte, error) {
	if depth > maxDepth {
		return dst, encodeError(errTooDeep)
	}
	var err error
	dst = msgp.AppendArrayHeader(dst, uint32(len(list)))
	for _, v := range list {
		if dst, err = appendEntry(dst, v, depth+1); err != nil {
			return dst, err
		}
	}
	return dst, nil
}
