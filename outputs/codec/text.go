// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"bytes"
	"encoding/json"
)

// textKind is the kind of value that a text stands for.
type textKind uint8

const (
	textNull textKind = iota // has no text
	textString
	textNumber
	textBool
	textList   // as JSON
	textObject // as JSON
)

// appendText appends the text of v outside of JSON: strings and bytes as they are,
// other scalars as the json codec writes them but without quotes, lists and
// objects as their JSON.
func (j *jsonValues) appendText(dst []byte, v any, depth int) (extended []byte, kind textKind, err error) {
	switch v := v.(type) {
	case string:
		return append(dst, v...), textString, nil
	case []byte:
		if v == nil {
			return dst, textNull, nil
		}
		return append(dst, v...), textString, nil
	case nil:
		return dst, textNull, nil
	}
	start := len(dst)
	if dst, err = j.append(dst, v, depth); err != nil {
		return dst[:start], textNull, err
	}
	switch dst[start] {
	case '"':
		return unquote(dst, start), textString, nil
	case 'n':
		return dst[:start], textNull, nil
	case 't', 'f':
		return dst, textBool, nil
	case '[':
		return dst, textList, nil
	case '{':
		return dst, textObject, nil
	default:
		return dst, textNumber, nil
	}
}

// unquote replaces the JSON string that ends dst and begins at start by its text.
func unquote(dst []byte, start int) []byte {
	quoted := dst[start:]
	if bytes.IndexByte(quoted, '\\') < 0 {
		copy(quoted, quoted[1:])
		return dst[:len(dst)-2]
	}
	var text string
	// It was written by this package, so it is valid.
	_ = json.Unmarshal(quoted, &text)
	return append(dst[:start], text...)
}
