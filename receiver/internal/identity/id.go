// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"bytes"

	"filebeat-websocket/receiver/decode"
)

var (
	timestampKey = []byte(`"@timestamp"`)
	metadataKey  = []byte(`"@metadata"`)
	idKey        = []byte(`"_id"`)
	agentKey     = []byte(`"agent"`)
	agentIDKey   = []byte(`"id"`)
	logKey       = []byte(`"log"`)
	offsetKey    = []byte(`"offset"`)
	fileKey      = []byte(`"file"`)
	pathKey      = []byte(`"path"`)
	printKey     = []byte(`"fingerprint"`)
	inodeKey     = []byte(`"inode"`)
	indexKey     = []byte(`"idxlo"`) // on Windows
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
	// This scan looks at many bytes at once and ends here for most records without an id.
	if !bytes.Contains(record, idKey) {
		return nil, nil, false
	}
	members := decode.MembersOf(record)
	for {
		key, value, more := members.Next()
		switch {
		case !more:
			return nil, nil, false
		case id == nil && bytes.Equal(key, metadataKey):
			if id = memberID(value, idKey); id == nil {
				return nil, nil, false
			}
		case agent == nil && bytes.Equal(key, agentKey):
			if agent = memberID(value, agentIDKey); agent == nil {
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
	members := decode.MembersOf(record)
	for {
		key, value, ok := members.Next()
		if !ok {
			return nil
		}
		if bytes.Equal(key, agentKey) {
			return memberID(value, agentIDKey)
		}
	}
}

// memberID returns the member of that name of an object if it can be an id.
func memberID(object, name []byte) []byte {
	members := decode.MembersOf(object)
	for {
		key, value, ok := members.Next()
		if !ok {
			return nil
		}
		if bytes.Equal(key, name) {
			return usableID(value)
		}
	}
}

func usableID(value []byte) []byte {
	switch c := value[0]; {
	case c == '"' && len(value) > len(`""`), c == '-', c >= '0' && c <= '9':
		return value
	}
	return nil
}
