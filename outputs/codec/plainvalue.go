// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// decodePlain returns the value of JSON that this package wrote, made of
// map[string]any, []any, string, bool, nil, and numbers as int64, uint64 or
// float64. With it, codecs write the kinds of values that only libbeat's library can
// fold.
func decodePlain(text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return nil, err
	}
	return plainNumbers(v), nil
}

func plainNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		return plainNumber(string(v))
	case map[string]any:
		for key, entry := range v {
			v[key] = plainNumbers(entry)
		}
	case []any:
		for i, entry := range v {
			v[i] = plainNumbers(entry)
		}
	}
	return v
}

func plainNumber(literal string) any {
	if n, err := strconv.ParseInt(literal, 10, 64); err == nil && literal != "-0" {
		return n
	}
	if n, err := strconv.ParseUint(literal, 10, 64); err == nil {
		return n
	}
	// The error is left out: this package writes no number that does not fit.
	f, _ := strconv.ParseFloat(literal, 64)
	return f
}
