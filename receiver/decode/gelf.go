// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

import (
	"bytes"

	"filebeat-websocket/receiver/internal/jsonscan"
)

func init() {
	register("gelf", formatKind{frames: textFrames, decode: decodeGELF})
}

// decodeGELF: one JSON object, with or without the NUL that ends it over TCP.
func decodeGELF(m message, list *Records) error {
	m.data = bytes.TrimSuffix(m.data, []byte{0})
	s := jsonscan.Scanner{Data: m.data}
	if s.Space(); s.Next() != '{' {
		return s.Fail()
	}
	return decodeJSON(m, list)
}
