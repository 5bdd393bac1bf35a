// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/elastic/beats/v7/libbeat/common"
	"github.com/elastic/elastic-agent-libs/mapstr"
)

// maxDepth is the maximum nesting of maps, lists and pointers. Real events are far
// below it; a value that contains itself is not.
const maxDepth = 1000

// jsonValues appends single values as libbeat's JSON codec writes them: the same
// value when decoded, without allocating for the kinds named in append. It does
// not call Stringers or JSON and text marshalers, since libbeat does not. It is
// used by one goroutine at a time.
type jsonValues struct {
	times timeFormat
	// other is nil until a value of another kind comes.
	other *folder
	known knownMaps
}

func (j *jsonValues) append(dst []byte, v any, depth int) ([]byte, error) {
	switch v := v.(type) {
	case string:
		return appendJSONString(dst, v), nil
	case mapstr.M:
		return j.appendMap(dst, v, depth)
	case map[string]any:
		return j.appendMap(dst, v, depth)
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case uint64:
		return strconv.AppendUint(dst, v, 10), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case float64:
		return appendJSONFloat(dst, v), nil
	case nil:
		return append(dst, "null"...), nil
	case []string:
		return appendList(dst, v, appendJSONString), nil
	case []any:
		return appendNested(dst, v, depth, j.append)
	case []mapstr.M:
		return appendNested(dst, v, depth, j.appendMapstr)
	case []map[string]any:
		return appendNested(dst, v, depth, j.appendMap)
	case map[string]string:
		return appendStringMap(dst, v), nil
	case time.Time:
		return j.appendTime(dst, v), nil
	case common.Time:
		return j.appendTime(dst, time.Time(v)), nil
	case *time.Time:
		return j.appendTimePointer(dst, v), nil
	case *common.Time:
		return j.appendTimePointer(dst, (*time.Time)(v)), nil
	case time.Duration:
		return appendInt(dst, v), nil
	case json.Number:
		// A string to libbeat, not a number.
		return appendJSONString(dst, string(v)), nil
	default:
		return j.appendRare(dst, v, depth)
	}
}

// appendRare is a separate switch, so that the usual kinds are found sooner.
func (j *jsonValues) appendRare(dst []byte, v any, depth int) ([]byte, error) {
	switch v := v.(type) {
	case uint:
		return appendUint(dst, v), nil
	case int32:
		return appendInt(dst, v), nil
	case uint32:
		return appendUint(dst, v), nil
	case int16:
		return appendInt(dst, v), nil
	case uint16:
		return appendUint(dst, v), nil
	case int8:
		return appendInt(dst, v), nil
	case uint8:
		return appendUint(dst, v), nil
	case float32:
		return appendJSONFloat(dst, v), nil
	case []byte:
		// A list of numbers to libbeat.
		return appendList(dst, v, appendUint[byte]), nil
	case []int:
		return appendList(dst, v, appendInt[int]), nil
	case []int64:
		return appendList(dst, v, appendInt[int64]), nil
	case []uint64:
		return appendList(dst, v, appendUint[uint64]), nil
	case []float64:
		return appendList(dst, v, appendJSONFloat[float64]), nil
	case []bool:
		return appendList(dst, v, strconv.AppendBool), nil
	case []time.Time:
		return appendList(dst, v, j.appendTime), nil
	}
	if j.other == nil {
		j.other = newFolder(j.times)
	}
	extended, err := j.other.append(dst, v, depth)
	if err != nil {
		j.other = nil
	}
	return extended, err
}

func (j *jsonValues) appendMapstr(dst []byte, m mapstr.M, depth int) ([]byte, error) {
	return j.appendMap(dst, m, depth)
}

func (j *jsonValues) appendMap(dst []byte, m map[string]any, depth int) ([]byte, error) {
	dst, err := j.appendMembers(append(dst, '{'), m, depth)
	if err != nil {
		return dst, err
	}
	return closeObject(dst), nil
}

// appendSection appends the map that is the value of key.
func (j *jsonValues) appendSection(dst []byte, key string, m mapstr.M, depth int) ([]byte, error) {
	dst, known := j.known.append(dst, key, m)
	if known {
		return dst, nil
	}
	start := len(dst)
	dst, err := j.appendMap(dst, m, depth)
	if err == nil {
		j.known.learn(key, m, dst[start:])
	}
	return dst, err
}

// appendMembers appends each entry of m with a comma after it; closeObject puts
// the brace in the place of the last one.
func (j *jsonValues) appendMembers(dst []byte, m map[string]any, depth int) ([]byte, error) {
	if depth > maxDepth {
		return dst, encodeError(errTooDeep)
	}
	var err error
	for key, v := range m {
		dst = appendJSONKey(dst, key)
		if text, ok := v.(string); ok { // the usual case, without a call
			dst = append(appendJSONString(dst, text), ',')
			continue
		}
		if section, ok := v.(mapstr.M); ok {
			if dst, err = j.appendSection(dst, key, section, depth+1); err != nil {
				return dst, err
			}
			dst = append(dst, ',')
			continue
		}
		if dst, err = j.append(dst, v, depth+1); err != nil {
			return dst, err
		}
		dst = append(dst, ',')
	}
	return dst, nil
}

// appendLine is appendMembers of an event's fields. Those that filestream gives to a line
// are looked up instead of iterated over.
func (j *jsonValues) appendLine(dst []byte, fields mapstr.M) ([]byte, error) {
	line, isText := fields[messageField].(string)
	log, isMap := fields["log"].(mapstr.M)
	if !isText || !isMap || len(fields) != 2 || len(log) != 2 {
		return j.appendMembers(dst, fields, 1)
	}
	offset, isOffset := log["offset"].(int64)
	file, isFile := log["file"].(mapstr.M)
	if !isOffset || !isFile {
		return j.appendMembers(dst, fields, 1)
	}
	dst = strconv.AppendInt(append(dst, `"log":{"offset":`...), offset, 10)
	dst, err := j.appendSection(append(dst, `,"file":`...), "file", file, 3)
	if err != nil {
		return dst, err
	}
	return append(appendJSONString(append(dst, `},"message":`...), line), ','), nil
}

func (j *jsonValues) appendTime(dst []byte, t time.Time) []byte {
	return append(j.times.append(append(dst, '"'), t), '"')
}

func (j *jsonValues) appendTimePointer(dst []byte, t *time.Time) []byte {
	if t == nil {
		return append(dst, "null"...)
	}
	return j.appendTime(dst, *t)
}

func closeObject(dst []byte) []byte { return closeWith(dst, '}') }

// closeWith turns the comma after the last entry of a list or an object into its
// end. Without entries the last byte is the opening bracket.
func closeWith(dst []byte, end byte) []byte {
	if last := len(dst) - 1; dst[last] == ',' {
		dst[last] = end
		return dst
	}
	return append(dst, end)
}

func appendList[T any](dst []byte, list []T, appendEntry func([]byte, T) []byte) []byte {
	dst = append(dst, '[')
	for _, v := range list {
		dst = append(appendEntry(dst, v), ',')
	}
	return closeWith(dst, ']')
}

func appendNested[T any](dst []byte, list []T, depth int, appendEntry func([]byte, T, int) ([]byte, error)) ([]byte, error) {
	if depth > maxDepth {
		return dst, encodeError(errTooDeep)
	}
	var err error
	dst = append(dst, '[')
	for _, v := range list {
		if dst, err = appendEntry(dst, v, depth+1); err != nil {
			return dst, err
		}
		dst = append(dst, ',')
	}
	return closeWith(dst, ']'), nil
}

func appendStringMap(dst []byte, m map[string]string) []byte {
	dst = append(dst, '{')
	for key, v := range m {
		dst = appendJSONKey(dst, key)
		dst = append(appendJSONString(dst, v), ',')
	}
	return closeObject(dst)
}

func appendInt[T ~int | ~int8 | ~int16 | ~int32 | ~int64](dst []byte, n T) []byte {
	return strconv.AppendInt(dst, int64(n), 10)
}

func appendUint[T ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64](dst []byte, n T) []byte {
	return strconv.AppendUint(dst, uint64(n), 10)
}

// appendJSONFloat appends f as libbeat does: null for what JSON has no number for,
// else the shortest digits that give f back.
func appendJSONFloat[T float32 | float64](dst []byte, f T) []byte {
	wide := float64(f)
	if math.IsNaN(wide) || math.IsInf(wide, 0) {
		return append(dst, "null"...)
	}
	bits := 64
	if _, single := any(f).(float32); single {
		bits = 32
	}
	return strconv.AppendFloat(dst, wide, 'g', -1, bits)
}
