// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package readers

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// manner is how a format represents what is meant.
type manner struct {
	// text is what becomes of text.
	text func(string) string
	// bytes is what becomes of bytes.
	bytes func([]byte) any
	// noNumber says that NaN and the infinities become null.
	noNumber bool
	// doubles says that the reader makes float64 of all numbers.
	doubles bool
}

var (
	jsonManner = manner{text: replaceEach, noNumber: true, bytes: func(b []byte) any {
		list := []any{}
		for _, n := range b {
			list = append(list, int64(n))
		}
		return list
	}}
	msgpackManner = manner{text: asItIs, bytes: func(b []byte) any { return b }}
)

func asItIs(s string) string { return s }

// replaceEach replaces each byte that is not UTF-8.
func replaceEach(s string) string { return string([]rune(s)) }

// replaceRuns is what the output does with a text that is not UTF-8.
func replaceRuns(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

// canonical is v in the form that the programs print.
func (m manner) canonical(v any) any {
	switch v := v.(type) {
	case string:
		return []any{"s", hex.EncodeToString([]byte(m.text(v)))}
	case []byte:
		if raw, ok := m.bytes(v).([]byte); ok {
			return []any{"b", hex.EncodeToString(raw)}
		}
		return m.canonical(m.bytes(v))
	case int64:
		if m.doubles {
			return m.canonical(float64(v))
		}
		return []any{"n", strconv.FormatInt(v, 10)}
	case uint64:
		if m.doubles {
			return m.canonical(float64(v))
		}
		return []any{"n", strconv.FormatUint(v, 10)}
	case float64:
		if m.noNumber && (math.IsNaN(v) || math.IsInf(v, 0)) {
			return nil
		}
		return []any{"n", canonicalFloat(v)}
	case []any:
		list := []any{"l"}
		for _, entry := range v {
			list = append(list, m.canonical(entry))
		}
		return list
	case map[string]any:
		object := map[string]any{}
		for key, entry := range v {
			object[hex.EncodeToString([]byte(m.text(key)))] = m.canonical(entry)
		}
		return []any{"m", object}
	default:
		return v
	}
}

func canonicalFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case f == math.Trunc(f):
		n, _ := big.NewFloat(f).Int(nil)
		return n.String()
	default:
		return fmt.Sprintf("%016x", math.Float64bits(f))
	}
}

func eventTime(at time.Time) any { return []any{"t", at.Unix(), at.Nanosecond()} }

// flat is what is meant by an event in flat names, with the text of the values.
// Lists are lists of text.
func flat(e meantEvent, separator string) map[string]any {
	fields := map[string]any{}
	var add func(name string, v any)
	add = func(name string, v any) {
		if object, ok := v.(map[string]any); ok {
			for key, entry := range object {
				add(name+separator+key, entry)
			}
			return
		}
		fields[name] = flatText(v)
	}
	for key, v := range e.meant {
		add(key, v)
	}
	if e.id != "" {
		fields["@metadata"+separator+"_id"] = e.id
	}
	return fields
}

func flatText(v any) any {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case uint64:
		return strconv.FormatUint(v, 10)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	default:
		return v
	}
}

// joined has lists as one text, their JSON, and an empty text for null.
func joined(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case []any:
		encoded, err := json.Marshal(v)
		if err != nil {
			return err.Error()
		}
		return string(encoded)
	default:
		text, _ := v.(string)
		return text
	}
}

// label is a name of LTSV or GELF.
func label(name string) string {
	bytes := []byte(name)
	for i, b := range bytes {
		if !strings.ContainsRune("_.-", rune(b)) && (b < '0' || b > '9') && (b < 'A' || b > 'Z') && (b < 'a' || b > 'z') {
			bytes[i] = '_'
		}
	}
	return string(bytes)
}
