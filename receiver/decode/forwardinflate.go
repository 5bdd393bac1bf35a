// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// compression is how the entries of a Fluent Forward request are compressed.
type compression int

const (
	uncompressed compression = iota
	gzipped
	zstandard
)

func (c compression) String() string { return [...]string{"text", "gzip", "zstd"}[c] }

// gzipPool has *gzip.Reader, whose tables take 40 KiB.
var gzipPool = sync.Pool{New: func() any { return new(gzip.Reader) }}

// zstdWindow is how far a zstd frame may look back, which every decoder should support
// (RFC 8878 3.1.1.1.2). One that is a single segment looks back all of its content.
const zstdWindow = 8 << 20

// inflate returns the content of the gzip members or zstd frames, valid until the next
// call. It stops when this and the bytes that were inflated before exceed limit. Beside
// the window of zstd it takes no more memory than the content.
func (l *Records) inflate(c compression, compressed []byte, before, limit int64) ([]byte, error) {
	var reader io.Reader
	var window, longest int64 // that a frame of zstd may look back, and could with enough memory
	var err error
	if c == zstandard {
		// A frame says how far it looks back. One that needs more than there is room for
		// is too much memory, not an error.
		longest = max(zstdWindow, limit-before)
		window = min(longest, l.left()/2)
		if window < zstd.MinWindowSize {
			l.exceeded = true
			return nil, errMemory
		}
		var decoder *zstd.Decoder
		decoder, err = zstd.NewReader(bytes.NewReader(compressed), zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(uint64(window)))
		if err == nil {
			defer decoder.Close()
			reader = decoder
		}
	} else {
		member, _ := gzipPool.Get().(*gzip.Reader)
		defer gzipPool.Put(member)
		err = member.Reset(bytes.NewReader(compressed))
		reader = member
	}
	if err == nil {
		buffer := bytes.NewBuffer(l.inflated[:0])
		_, err = buffer.ReadFrom(io.LimitReader(reader, min(limit-before, l.left())+1))
		l.inflated = buffer.Bytes()
	}
	isWide := errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded)
	if isWide && window < longest {
		l.exceeded = true
	}
	switch {
	case !l.room(maxEscaped * len(l.inflated)):
		return nil, errMemory // before it is known how long they are
	case err != nil && !isWide:
		return nil, errors.New("entries are not valid " + c.String() + ", or cut short")
	case isWide, int64(len(l.inflated)) > limit-before:
		return nil, &markedError{text: fmt.Sprintf("entries are longer than %d bytes when inflated", limit), mark: ErrTooLong}
	}
	return l.inflated, nil
}
