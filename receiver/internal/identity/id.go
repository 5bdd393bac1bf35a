// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"bytes"

	"filebeat-websocket/receiver/decode"
)

// Names of members that count, with their quotes.
const (
	TimestampName   = `"@timestamp"`
	MetadataName    = `"@metadata"`
	IDName          = `"_id"`
	AgentName       = `"agent"`
	AgentIDName     = `"id"`
	LogName         = `"log"`
	OffsetName      = `"offset"`
	FileName        = `"file"`
	PathName        = `"path"`
	FingerprintName = `"fingerprint"`
	InodeName       = `"inode"`
	IndexName       = `"idxlo"` // in place of the inode, on Windows
)

// HasIDs reports whether records of a format can have an id from their sender. In the
// other formats, what looks like an id is part of the line.
func HasIDs(format string) bool {
	switch format {
	case "json", "json_lines", "json_array", "json_stream", "msgpack", "forward":
		return true
	}
	return false
}

// recordID returns the bytes of the @metadata._id in a record, which is valid
// JSON, and of its agent.id; ok is false unless it has both, and they are texts or
// numbers and not empty. A field _id outside of @metadata belongs to the
// application: several records may have the same one.
func recordID(record []byte) (id, agent []byte, ok bool) {
	// This scan looks at many bytes at once and ends here for most records without an id. It
	// begins with the underscore, since JSON is full of quotes.
	if !bytes.Contains(record, []byte(IDName[1:])) {
		return nil, nil, false
	}
	members := decode.MembersOf(record)
	for {
		key, value, more := members.Next()
		switch {
		case !more:
			return nil, nil, false
		case id == nil && string(key) == MetadataName:
			if id = memberID(value, IDName); id == nil {
				return nil, nil, false
			}
		case agent == nil && string(key) == AgentName:
			if agent = memberID(value, AgentIDName); agent == nil {
				return nil, nil, false
			}
		}
		if id != nil && agent != nil {
			return id, agent, true
		}
	}
}

// AgentOf returns the agent.id of a record, nil if it has none.
func AgentOf(record []byte) []byte {
	if !bytes.Contains(record, []byte(AgentName)) { // much faster than to look at each member
		return nil
	}
	return memberID(Member(record, AgentName), AgentIDName)
}

// memberID returns the member of that name of an object if it can be an id.
func memberID(object []byte, name string) []byte { return Usable(Member(object, name)) }

// Member returns the first member of an object with that name, which has its quotes; nil if
// there is none.
func Member(object []byte, name string) []byte {
	members := decode.MembersOf(object)
	for {
		key, value, ok := members.Next()
		if !ok {
			return nil
		}
		if string(key) == name {
			return value
		}
	}
}

// Usable returns a value that can be an id: a text that is not empty, or a number. It returns
// nil for others.
func Usable(value []byte) []byte {
	if len(value) == 0 {
		return nil
	}
	switch c := value[0]; {
	case c == '"' && len(value) > len(`""`), c == '-', c >= '0' && c <= '9':
		return value
	}
	return nil
}
