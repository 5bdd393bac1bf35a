// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

import "bytes"

func init() {
	register("gelf", formatKind{frames: textFrames, decode: decodeGELF})
}

// decodeGELF: one JSON object. The NUL that ends it over TCP may be there too.
func decodeGELF(m message, list *Records) error {
	m.data = bytes.TrimSuffix(m.data, []byte{0})
	s := scanner{data: m.data}
	if s.space(); s.next() != '{' {
		return s.fail()
	}
	return decodeJSON(m, list)
}
