// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package identity

import "strings"

// TellsApart reports whether a request with this chunk id, when another one has the same id
// and records, is that one sent again. It is not for Fluent Bit, whose ids, 32 hexadecimal
// digits, are a hash of the entries: two messages of the same second can be two requests.
func TellsApart(chunk string) bool {
	const hashLength = 32
	if len(chunk) != hashLength {
		return chunk != ""
	}
	isDigit := func(r rune) bool { return r >= '0' && r <= '9' || r >= 'a' && r <= 'f' }
	return strings.ContainsFunc(chunk, func(r rune) bool { return !isDigit(r) })
}

// Keys are the keys of the records of one message.
type Keys struct{ list []Key }

// Find finds the keys of records from a sender, as a Message has them. A record with an id
// has the key of that. Another one in a Forward request with a chunk that tells it apart has
// one of its place there. Others have none.
func (k *Keys) Find(sender, format string, chunks []string, chunkRecords []int, records [][]byte) {
	k.list = append(k.list[:0], make([]Key, len(records))...)
	from := OfSender(sender)
	if HasIDs(format) {
		for i, record := range records {
			if key, ok := OfRecord(record); ok {
				k.list[i] = key.From(from)
			}
		}
	}
	if len(chunks) != len(chunkRecords) {
		return
	}
	first := 0
	for i, chunk := range chunks {
		end := min(first+chunkRecords[i], len(records))
		if TellsApart(chunk) {
			request := OfRequest(chunk, records[first:end]).From(from)
			for at := range end - first {
				if k.list[first+at] == (Key{}) {
					k.list[first+at] = request.At(at)
				}
			}
		}
		first = end
	}
}

// Of returns the key of a record, which is zero if it has none.
func (k *Keys) Of(index int) Key { return k.list[index] }
