// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package dedup

import (
	"bytes"

	keys "filebeat-websocket/receiver/internal/identity"
	"filebeat-websocket/receiver/internal/jsonscan"
)

// named is what a record says about itself.
type named struct {
	id, agent []byte   // @metadata._id and agent.id, as in the JSON
	content   identity // of the rest of the record
}

// read reads a record once. ok is false unless it is a JSON object with an @metadata._id
// and an agent.id that are texts or numbers and not empty. A field _id outside of
// @metadata belongs to the application: several records may have the same one.
func read(record []byte) (n named, ok bool) {
	// This scan looks at many bytes at once and ends here for most records without an id.
	if !bytes.Contains(record, []byte(keys.IDName[1:])) { // JSON is full of quotes
		return n, false
	}
	r := reader{Scanner: jsonscan.Scanner{Data: record}}
	if !r.Take('{') {
		return n, false
	}
	var time []byte // @timestamp with its value
	hasPlace, sawMetadata, sawAgent := false, false, false
	for first := true; ; first = false {
		start, end, more := r.name(first)
		if !more {
			break
		}
		// A second one is a field of the event.
		switch name := record[start:end]; {
		case time == nil && string(name) == keys.TimestampName:
			r.pass()
			time = record[start:r.Pos]
		case !sawMetadata && string(name) == keys.MetadataName:
			if n.id = r.member(keys.IDName); n.id == nil {
				return n, false
			}
			sawMetadata = true
		case !sawAgent && string(name) == keys.AgentName:
			if n.agent = r.member(keys.AgentIDName); n.agent == nil {
				return n, false
			}
			sawAgent = true
		case string(name) == keys.LogName && r.Next() == '{':
			inside := r.Pos
			content, isPlace := r.log()
			hasPlace = hasPlace || isPlace
			n.content = n.content.and(identityOf(record[start:inside]).then(content))
		default:
			n.content = n.content.and(r.valueOf(start, 0))
		}
	}
	r.Space()
	if r.broken || !r.End() || !sawMetadata || !sawAgent {
		return n, false
	}
	if !hasPlace {
		n.content = n.content.and(identityOf(time))
	}
	return n, true
}

// reader passes over JSON and works out identities on the way.
type reader struct {
	jsonscan.Scanner
	broken bool // it is not JSON, or nested too deep
}

func (r *reader) fail() { r.broken, r.Pos = true, len(r.Data) }

// name passes over the name of the next member, which is the first one of an object or
// not, and the colon behind it. more is false behind the object's end.
func (r *reader) name(isFirst bool) (start, end int, more bool) {
	r.Space()
	if r.Take('}') {
		return 0, 0, false
	}
	if !isFirst {
		if !r.Take(',') {
			r.fail()
			return 0, 0, false
		}
		r.Space()
	}
	start = r.Pos
	if r.Next() != '"' || r.Text() != nil {
		r.fail()
		return 0, 0, false
	}
	end = r.Pos
	r.Space()
	if !r.Take(':') {
		r.fail()
		return 0, 0, false
	}
	r.Space()
	return start, end, true
}

// pass passes over a value.
func (r *reader) pass() {
	if r.Value(0) != nil {
		r.fail()
	}
}

// member passes over a value and returns its member of that name if the value is an
// object and the member can be an id.
func (r *reader) member(name string) (id []byte) {
	if !r.Take('{') {
		r.pass()
		return nil
	}
	found := false
	for first := true; ; first = false {
		start, end, more := r.name(first)
		if !more {
			return id
		}
		value := r.Pos
		r.pass()
		if !found && string(r.Data[start:end]) == name {
			found, id = true, keys.Usable(r.Data[value:r.Pos])
		}
	}
}

// valueOf passes over a value and returns the identity of what there is from start to its
// end. It does not depend on the order of members, which is random in what a Beat writes.
func (r *reader) valueOf(start, depth int) identity {
	inside := r.Pos
	switch r.Next() {
	case '{':
		return identityOf(r.Data[start:inside]).then(r.object(depth + 1))
	case '[':
		return identityOf(r.Data[start:inside]).then(r.array(depth + 1))
	}
	r.pass()
	return identityOf(r.Data[start:r.Pos])
}

// object passes over an object.
func (r *reader) object(depth int) (content identity) {
	if depth > jsonscan.MaxDepth {
		r.fail()
		return content
	}
	r.Take('{')
	for first := true; ; first = false {
		start, _, more := r.name(first)
		if !more {
			return ofRecord.then(content)
		}
		content = content.and(r.valueOf(start, depth))
	}
}

// log passes over the field log. isPlace reports whether it has an offset.
func (r *reader) log() (content identity, isPlace bool) {
	r.Take('{')
	for first := true; ; first = false {
		start, end, more := r.name(first)
		if !more {
			return ofRecord.then(content), isPlace
		}
		value := r.Pos
		if string(r.Data[start:end]) == keys.FileName && r.Next() == '{' {
			content = content.and(identityOf(r.Data[start:value]).then(r.file()))
			continue
		}
		content = content.and(r.valueOf(start, 1))
		if string(r.Data[start:end]) == keys.OffsetName && keys.Usable(r.Data[value:r.Pos]) != nil {
			isPlace = true
		}
	}
}

// file passes over the field log.file. A file is the same one after it was renamed, and one
// that is known by its content also after it was moved to another disk.
func (r *reader) file() identity {
	r.Take('{')
	var path, fingerprint, rest identity
	hasInode, hasPrint := false, false
	for first := true; ; first = false {
		start, end, more := r.name(first)
		if !more {
			break
		}
		value := r.valueOf(start, 2)
		switch name := r.Data[start:end]; {
		case string(name) == keys.PathName:
			path = path.and(value)
		case string(name) == keys.FingerprintName:
			hasPrint, fingerprint = true, fingerprint.and(value)
		default:
			hasInode = hasInode || string(name) == keys.InodeName || string(name) == keys.IndexName
			rest = rest.and(value)
		}
	}
	switch {
	case hasPrint:
		return ofRecord.then(fingerprint)
	case hasInode:
		return ofRecord.then(rest)
	}
	return ofRecord.then(rest.and(path))
}

// array passes over an array, whose order counts.
func (r *reader) array(depth int) (content identity) {
	start := r.Pos
	r.pass()
	whole := r.Data[start:r.Pos]
	if r.broken || depth > jsonscan.MaxDepth || bytes.IndexByte(whole, '{') < 0 {
		return identityOf(whole)
	}
	r.Pos = start + 1
	for {
		r.Space()
		if r.broken || r.Take(']') {
			return content
		}
		if r.Take(',') {
			r.Space()
		}
		content = content.then(r.valueOf(r.Pos, depth))
	}
}
