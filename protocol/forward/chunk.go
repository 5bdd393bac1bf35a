// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"crypto/sha512"
	"encoding/base64"

	"github.com/tinylib/msgp/msgp"
)

// Keys of the map at the end of a request.
const (
	OptionSize       = "size"       // how many records it holds
	OptionChunk      = "chunk"      // what the confirmation has to repeat
	OptionCompressed = "compressed" // "gzip" if the entries are
)

// chunkIDBytes is how much of the hash of the entries is in a chunk id.
const chunkIDBytes = 16

// ChunkBytes is the length of what Chunk returns.
const ChunkBytes = (chunkIDBytes + 2) / 3 * 4

// Chunk returns the id of a request: Base64 of the first 16 bytes of SHA-512
// over its entries, concatenated and not compressed. The same entries have the same
// id.
func Chunk(entries []byte) string { return string(AppendChunk(nil, nil, entries)) }

// AppendChunk appends the id of a request with these entries to dst. The salt comes before
// them: it tells requests with the same entries apart, and is the same when one is sent
// again, so that a receiver recognises what it has seen before.
func AppendChunk(dst, salt []byte, entries ...[]byte) []byte {
	hash := sha512.New()
	hash.Write(salt)
	for _, entry := range entries {
		hash.Write(entry)
	}
	var sum [sha512.Size]byte
	return base64.StdEncoding.AppendEncode(dst, hash.Sum(sum[:0])[:chunkIDBytes])
}

// AppendAck appends {"ack": chunk} to dst.
func AppendAck(dst []byte, chunk string) []byte {
	dst = msgp.AppendMapHeader(dst, 1)
	dst = msgp.AppendString(dst, "ack")
	return msgp.AppendString(dst, chunk)
}

// ParseAck reads a confirmation and returns the chunk id. It ignores other keys.
func ParseAck(message []byte) (chunk string, err error) {
	r := reader{rest: message, what: "confirmation"}
	found := false
	for range r.mapHeader() {
		if r.text() != "ack" {
			r.skip()
			continue
		}
		chunk, found = r.text(), true
	}
	if !found {
		r.fail("without a chunk")
	}
	if err := r.end(); err != nil {
		return "", err
	}
	return chunk, nil
}

// RequestChunk returns the chunk id of a request, empty if it asks for no confirmation.
// It ignores everything else.
func RequestChunk(request []byte) (chunk string, err error) {
	r := reader{rest: request, what: "request"}
	elements, rest, err := msgp.ReadArrayHeaderBytes(request)
	r.take(rest, err, "the array that it should be")
	r.skip() // the tag
	before := uint32(2)
	switch msgp.NextType(r.rest) {
	case msgp.ArrayType, msgp.BinType, msgp.StrType: // the entries
	default: // a time, and a record behind it
		before++
		r.skip()
	}
	r.skip()
	if r.err == nil && (elements < before || elements > before+1) {
		r.fail("of a wrong length")
	}
	if elements > before {
		for range r.mapHeader() {
			if r.text() != OptionChunk {
				r.skip()
				continue
			}
			chunk = r.optionalText()
		}
	}
	if err := r.end(); err != nil {
		return "", err
	}
	return chunk, nil
}
