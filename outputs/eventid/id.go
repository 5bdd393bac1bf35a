// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package eventid

import (
	"encoding/base64"

	"github.com/zeebo/xxh3"

	"github.com/elastic/beats/v7/libbeat/beat"
)

// Length is the number of characters of an id: 128 bits in base64url.
const Length = 22

// Maker makes the ids of one producer's events. It is used by one goroutine at a
// time and cheap to create.
type Maker struct {
	source *Source

	// The file of the last event: a producer of filestream has only one.
	place place
	file  *fileState
}

// ID returns the id of an event, and whether it has one. It has to be called once
// for each event that an input publishes.
func (m *Maker) ID(event *beat.Event) (id string, ok bool) {
	var text [Length]byte
	if ok = m.Write(&text, event); !ok {
		return "", false
	}
	return string(text[:]), true
}

// Write is ID without an allocation. It leaves text as it is if the event has no id.
func (m *Maker) Write(text *[Length]byte, event *beat.Event) (ok bool) {
	at, ok := placeOf(event, m.source.byInode)
	if !ok {
		return false
	}
	if m.file == nil || at.entry != m.place.entry || at.file != m.place.file {
		if m.file = m.source.find(at); m.file == nil {
			return false
		}
		m.place = at
	}
	hash, ok := m.source.visit(m.file, at, event)
	if !ok {
		return false
	}
	var line xxh3.Uint128
	switch message := event.Fields["message"].(type) {
	case string:
		line = xxh3.HashString128Seed(message, hash.seed)
	case []byte:
		line = xxh3.Hash128Seed(message, hash.seed)
	}
	sum := hash.with(at.offset, line).Bytes()
	base64.RawURLEncoding.Encode(text[:], sum[:])
	return true
}

// with returns the hash of a line at an offset. mix is a bijection, so that lines of one
// file and generation that are equal, or whose hashes collide, have different ids, whatever
// the file is. So xxh3, keyed and not cryptographic, will do: lines in two places share an id
// only if their hashes differ by what mix makes of 128 bits that the writers of lines do not know.
func (h *fileHash) with(offset int64, line xxh3.Uint128) xxh3.Uint128 {
	return xxh3.Uint128{
		Hi: line.Hi + mix(h.high^uint64(offset)),
		Lo: line.Lo + mix(h.low+uint64(offset)),
	}
}

// mix is the finalizer of MurmurHash3: each bit of x changes half of the others.
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
