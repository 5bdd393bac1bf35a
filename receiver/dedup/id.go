// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package dedup

import (
	"bytes"

	"filebeat-websocket/receiver/decode"
)

var (
	idSuffix    = []byte(`_id"`)
	metadataKey = []byte(`"@metadata"`)
	idKey       = []byte(`"_id"`)
	flatIDKey   = []byte(`"@metadata._id"`) // of the formats that flatten
)

// recordID returns the bytes of the @metadata._id in a record, which is valid
// JSON; nil if there is none, or it is no string or number, or empty. A field _id
// outside of @metadata is the application's business: its values need not be of
// one record each.
func recordID(record []byte) []byte {
	// Most records without one get no further, and this looks at many bytes at once.
	if !bytes.Contains(record, idSuffix) {
		return nil
	}
	members := decode.MembersOf(record)
	for {
		key, value, ok := members.Next()
		switch {
		case !ok:
			return nil
		case bytes.Equal(key, flatIDKey):
			return usableID(value)
		case bytes.Equal(key, metadataKey):
			return metadataID(value)
		}
	}
}

func metadataID(metadata []byte) []byte {
	members := decode.MembersOf(metadata)
	for {
		key, value, ok := members.Next()
		if !ok {
			return nil
		}
		if bytes.Equal(key, idKey) {
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
