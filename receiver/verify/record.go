// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"bytes"
	"encoding/json"
	"hash/maphash"
	"strconv"
	"time"

	"filebeat-websocket/receiver/decode"
)

// place is where the line of a record is, and where the record is in what has landed.
type place struct {
	file   uint32 // number of the landedFile
	flags  uint8
	back   uint32 // further lines before the one at offset
	ahead  uint32 // further lines behind it
	offset int64
	number int64 // of the record, counted over all parts
}

const (
	isLate  = 1 << iota // a later line of the file had landed before
	isOld               // older than Options.Since
	isOpen              // begins somewhere behind the record before
	hasSpan             // back or ahead is set; only in a run
)

// parser reads the places of records. Each worker has its own.
type parser struct {
	since time.Time
	names *nameTable
	known map[string]uint32 // part of names
	key   []byte            // scratch

	lastKey  []byte
	lastName uint32
}

// spot is what a record says of its line.
type spot struct {
	place
	name  uint32 // number in the nameTable; place.file follows from it
	first uint64 // hash of the text, if it is the first line of a file; 0 without
	line  int64  // of the block
}

// The members of a record that count, with their quotes.
var (
	logKey         = []byte(`"log"`)
	offsetKey      = []byte(`"offset"`)
	fileKey        = []byte(`"file"`)
	flagsKey       = []byte(`"flags"`)
	pathKey        = []byte(`"path"`)
	deviceKey      = []byte(`"device_id"`)
	inodeKey       = []byte(`"inode"`)
	fingerprintKey = []byte(`"fingerprint"`)
	messageKey     = []byte(`"message"`)
	timestampKey   = []byte(`"@timestamp"`)
	multilineFlag  = []byte(`"multiline"`)
	truncatedFlag  = []byte(`"truncated"`)
)

type verdict int

const (
	placed verdict = iota
	placeless
	broken
)

// parse reads a record. It is broken if it is not a JSON object.
func (p *parser) parse(record []byte) (s spot, v verdict) {
	var offset, file, flags, message, timestamp []byte
	members := decode.MembersOf(record)
	for {
		key, value, ok := members.Next()
		if !ok {
			break
		}
		switch {
		case bytes.Equal(key, messageKey):
			message = value
		case bytes.Equal(key, timestampKey):
			timestamp = value
		case bytes.Equal(key, logKey):
			of := decode.MembersOf(value)
			for {
				key, value, ok := of.Next()
				if !ok {
					break
				}
				switch {
				case bytes.Equal(key, offsetKey):
					offset = value
				case bytes.Equal(key, fileKey):
					file = value
				case bytes.Equal(key, flagsKey):
					flags = value
				}
			}
		}
	}
	if !members.Ended() {
		return s, broken
	}
	number, err := strconv.ParseInt(string(offset), 10, 64)
	if err != nil || number < 0 {
		return s, placeless
	}
	s.offset = number
	isByPath, ok := p.identify(&s, file)
	if !ok {
		return s, placeless
	}
	if number == 0 {
		s.first = hashOfMessage(message)
	}
	if bytes.Contains(flags, multilineFlag) {
		s.span(message, isByPath, bytes.Contains(flags, truncatedFlag))
	}
	if !p.since.IsZero() && isBefore(timestamp, p.since) {
		s.flags |= isOld
	}
	return s, placed
}

// identify finds out which file the record is from, and whether only its path is known.
func (p *parser) identify(s *spot, file []byte) (isByPath, ok bool) {
	var path, device, inode, fingerprint []byte
	members := decode.MembersOf(file)
	for {
		key, value, more := members.Next()
		if !more {
			break
		}
		switch {
		case bytes.Equal(key, pathKey):
			path = value
		case bytes.Equal(key, deviceKey):
			device = value
		case bytes.Equal(key, inodeKey):
			inode = value
		case bytes.Equal(key, fingerprintKey):
			fingerprint = value
		}
	}
	switch {
	case len(fingerprint) > 2:
		p.key = append(append(p.key[:0], byFingerprint), unquoted(fingerprint)...)
	case len(device) > 2 && len(inode) > 2:
		p.key = append(append(p.key[:0], byInode), unquoted(device)...)
		p.key = append(append(p.key, '-'), unquoted(inode)...)
	case len(path) > 2:
		p.key = append(append(p.key[:0], byPath), path...)
		isByPath = true
	default:
		return false, false
	}
	if !bytes.Equal(p.key, p.lastKey) {
		name, has := p.known[string(p.key)]
		if !has {
			name = p.names.number(string(p.key))
			p.known[string(p.key)] = name
		}
		p.lastKey, p.lastName = append(p.lastKey[:0], p.key...), name
	}
	s.name = p.lastName
	return isByPath, true
}

// unquoted is for text without escapes.
func unquoted(text []byte) []byte { return bytes.Trim(text, `"`) }

// span sets how many lines a multiline event is. filestream gives it the offset of its
// last line that is not empty, the log input, which knows only the path, that of the first
// one. A text that was cut, or joined without line breaks, does not tell.
func (s *spot) span(message []byte, isByPath, isCut bool) {
	breaks, trailing := lineBreaks(message)
	switch {
	case isByPath:
		s.ahead = breaks
	case breaks == 0 || isCut:
		s.flags |= isOpen
	default:
		s.back, s.ahead = breaks-trailing, trailing
	}
}

// lineBreaks counts the line breaks in a JSON string, and those at its end.
func lineBreaks(text []byte) (all, trailing uint32) {
	text = bytes.TrimSuffix(bytes.TrimPrefix(text, []byte(`"`)), []byte(`"`))
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			trailing = 0
			continue
		}
		i++
		if text[i] == 'n' {
			all++
			trailing++
		} else {
			trailing = 0
		}
	}
	return all, trailing
}

// hashSeed is for texts that are compared within a run.
var hashSeed = maphash.MakeSeed()

// hashOfLine is never 0. It is that of the beginning of a long line, without what is not
// UTF-8, which a record has in another form.
func hashOfLine(line []byte) uint64 {
	line = bytes.ToValidUTF8(line[:min(len(line), maxFirstLine)], nil)
	return max(1, maphash.Bytes(hashSeed, bytes.ReplaceAll(line, []byte("\ufffd"), nil)))
}

// hashOfMessage is 0 if the record has no text.
func hashOfMessage(message []byte) uint64 {
	var text string
	if json.Unmarshal(message, &text) != nil {
		return 0
	}
	return hashOfLine([]byte(text))
}

// isBefore is false for what is not a time.
func isBefore(timestamp []byte, since time.Time) bool {
	at, err := time.Parse(time.RFC3339, string(unquoted(timestamp)))
	return err == nil && at.Before(since)
}
