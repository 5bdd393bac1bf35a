// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package wstest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// splitRecords cuts a message into its records: the elements of a JSON array,
// JSON values one after the other (json, json_lines, json_stream), or else its
// lines. They are parts of message or copies of it.
func splitRecords(message []byte) [][]byte {
	if bytes.HasPrefix(message, []byte("[")) {
		var array []json.RawMessage
		if json.Unmarshal(message, &array) == nil {
			records := make([][]byte, 0, len(array))
			for _, record := range array {
				records = append(records, record)
			}
			return records
		}
	}
	if bytes.HasPrefix(message, []byte("{")) {
		if records, ok := splitJSON(message); ok {
			return records
		}
	}
	return bytes.Split(bytes.TrimSuffix(message, []byte("\n")), []byte("\n"))
}

func splitJSON(message []byte) (records [][]byte, ok bool) {
	for decoder := json.NewDecoder(bytes.NewReader(message)); ; {
		var record json.RawMessage
		if err := decoder.Decode(&record); err != nil {
			return records, errors.Is(err, io.EOF)
		}
		records = append(records, record)
	}
}
