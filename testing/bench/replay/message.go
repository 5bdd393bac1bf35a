// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
)

const (
	// idDigits is the length of an id, so that 64 bits fit.
	idDigits = 20
	// finText is the first byte of a text frame without fragments, RFC 6455 5.2.
	finText = 0x81
)

// template is a message with its frame, and where the ids are in it.
type template struct {
	frame   []byte
	head    int // where the masked payload begins
	key     [4]byte
	ids     []int // offsets in frame of the first digit of each record's id
	records int
}

// newTemplate makes a message of records of that length each, without the line
// break.
func newTemplate(records, recordBytes int, withIDs bool) *template {
	t := &template{records: records}
	var payload []byte
	var ids []int
	for i := range records {
		begin := len(payload)
		payload = append(payload, `{"@timestamp":"2021-02-05T22:17:09.123Z",`...)
		if withIDs {
			payload = append(payload, `"@metadata":{"_id":"`...)
			ids = append(ids, len(payload))
			payload = append(payload, strings.Repeat("0", idDigits)...)
			payload = append(payload, `"},"agent":{"id":"f47ac10b-58cc-4372-a567-0e02b2c3d479"},`...)
		}
		payload = fmt.Appendf(payload, `"log":{"offset":%d},"message":"`, 200*i)
		const end = `"}`
		payload = append(payload, strings.Repeat("GET /articles/1 HTTP/1.1 ", recordBytes/25+1)[:max(0, begin+recordBytes-len(end)-len(payload))]...)
		payload = append(append(payload, end...), '\n')
	}
	t.frame = binary.BigEndian.AppendUint64([]byte{finText, 0x80 | 127}, uint64(len(payload)))
	binary.LittleEndian.PutUint32(t.key[:], rand.Uint32())
	t.frame = append(t.frame, t.key[:]...)
	t.head = len(t.frame)
	t.frame = append(t.frame, payload...)
	for i := range payload {
		t.frame[t.head+i] ^= t.key[i%4]
	}
	for _, id := range ids {
		t.ids = append(t.ids, t.head+id)
	}
	return t
}

// number gives the records ids from first on.
func (t *template) number(first uint64) {
	for i, at := range t.ids {
		for digit, n := idDigits-1, first+uint64(i); digit >= 0; digit-- {
			t.frame[at+digit] = byte('0'+n%10) ^ t.key[(at+digit-t.head)%4]
			n /= 10
		}
	}
}
