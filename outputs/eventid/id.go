// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package eventid

import (
	"encoding/base64"
	"encoding/binary"

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
	file  *file

	// Fields instead of locals, so that they are not allocated for each event.
	input  [place128 + 8 + 16]byte
	output [Length]byte
}

// ID returns the id of an event, and whether it has one. It has to be called once
// for each event that an input publishes.
func (m *Maker) ID(event *beat.Event) (id string, ok bool) {
	at, ok := placeOf(event, m.source.byInode)
	if !ok {
		return "", false
	}
	if m.file == nil || at.entry != m.place.entry || at.file != m.place.file {
		if m.file = m.source.find(at); m.file == nil {
			return "", false
		}
		m.place = at
	}
	hash, ok := m.source.visit(m.file, at)
	if !ok {
		return "", false
	}
	var line xxh3.Uint128
	switch message := event.Fields["message"].(type) {
	case string:
		line = xxh3.HashString128Seed(message, hash.seed)
	case []byte:
		line = xxh3.Hash128Seed(message, hash.seed)
	}
	copy(m.input[:], hash.place[:])
	binary.BigEndian.PutUint64(m.input[place128:], uint64(at.offset))
	binary.BigEndian.PutUint64(m.input[place128+8:], line.Hi)
	binary.BigEndian.PutUint64(m.input[place128+16:], line.Lo)
	sum := xxh3.Hash128Seed(m.input[:], hash.seed).Bytes()
	base64.RawURLEncoding.Encode(m.output[:], sum[:])
	return string(m.output[:]), true
}
