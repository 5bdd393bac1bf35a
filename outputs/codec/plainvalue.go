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
// float64. By way of it the codecs that have no folder of their own write the
// kinds that only the folder knows.
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

func plainNumber(digits string) any {
	if n, err := strconv.ParseInt(digits, 10, 64); err == nil && digits != "-0" {
		return n
	}
	if n, err := strconv.ParseUint(digits, 10, 64); err == nil {
		return n
	}
	// What does not fit is an infinity, which no number of this package is.
	f, _ := strconv.ParseFloat(digits, 64)
	return f
}
