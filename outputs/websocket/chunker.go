// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import "filebeat-websocket/outputs/websocket/framing"

// chunk is the run of records that makes one message.
type chunk struct {
	end   int // index behind its last record; the first is the end of the chunk before
	bytes int // length of the message
}

// cut groups records into as few messages of at most maxBytes as their order
// allows and appends them to chunks. Each record is known to fit on its own.
func cut(chunks []chunk, records [][]byte, layout framing.Framing, maxBytes int) []chunk {
	start, recordBytes := 0, 0
	for i, record := range records {
		tooLong := layout.Size(i-start+1, recordBytes+len(record)) > maxBytes
		if i > start && (tooLong || layout.Single()) {
			chunks = append(chunks, chunk{end: i, bytes: layout.Size(i-start, recordBytes)})
			start, recordBytes = i, 0
		}
		recordBytes += len(record)
	}
	return append(chunks, chunk{end: len(records), bytes: layout.Size(len(records)-start, recordBytes)})
}
