// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package framing

import (
	"encoding/binary"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// gzipper is a gzip writer with its buffer. It takes some hundred KiB, so it is
// pooled for the next message of any connection.
type gzipper struct {
	writer *gzip.Writer
	dst    []byte
}

// Write implements io.Writer.
func (g *gzipper) Write(compressed []byte) (int, error) {
	g.dst = append(g.dst, compressed...)
	return len(compressed), nil
}

var gzippers = sync.Pool{New: func() any {
	g := &gzipper{}
	// The fastest level: logs shrink to a tenth with it, and the other levels
	// cost several times as much for a few percent of that.
	g.writer, _ = gzip.NewWriterLevel(g, gzip.BestSpeed) // fails only for an invalid level
	return g
}}

// appendGzipped appends a bin with the records, back to back, compressed with gzip.
// It uses the longest header, because the length is not known when it is written.
func appendGzipped(dst []byte, records [][]byte) []byte {
	g, _ := gzippers.Get().(*gzipper)
	g.dst = append(dst, 0xC6, 0, 0, 0, 0)
	start := len(g.dst)
	g.writer.Reset(g)
	for _, record := range records {
		_, _ = g.writer.Write(record) // gzipper.Write does not fail
	}
	_ = g.writer.Close() // for the same reason
	dst, g.dst = g.dst, nil
	gzippers.Put(g)
	binary.BigEndian.PutUint32(dst[start-4:], uint32(len(dst)-start))
	return dst
}

// gzipBound returns the maximum length of that many bytes after compression: what
// does not get smaller is stored in blocks, each with a header of 5 bytes (RFC 1951 3.2.4),
// between the header and the trailer (RFC 1952 2.3).
func gzipBound(bytes int) int {
	const frame, blockHeader, leastBlock = 18, 5, 8 << 10
	return frame + bytes + blockHeader*(bytes/leastBlock+2)
}
