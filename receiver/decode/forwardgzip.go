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
)

// gzipPool has *gzip.Reader, whose tables take 40 KiB.
var gzipPool = sync.Pool{New: func() any { return new(gzip.Reader) }}

// inflate returns what the gzip members hold, which is valid until the next call.
// It stops when they and the bytes that were inflated before are more than limit,
// and takes no more memory than comes out.
func (l *Records) inflate(compressed []byte, before, limit int64) ([]byte, error) {
	reader, _ := gzipPool.Get().(*gzip.Reader)
	defer gzipPool.Put(reader)
	err := reader.Reset(bytes.NewReader(compressed))
	if err == nil {
		buffer := bytes.NewBuffer(l.inflated[:0])
		_, err = buffer.ReadFrom(io.LimitReader(reader, min(limit-before, l.left())+1))
		l.inflated = buffer.Bytes()
	}
	switch {
	case !l.room(maxEscaped * len(l.inflated)):
		return nil, errMemory // before it is known how long they are
	case err != nil:
		return nil, errors.New("entries are not valid gzip, or cut short")
	case int64(len(l.inflated)) > limit-before:
		return nil, &markedError{text: fmt.Sprintf("entries are longer than %d bytes when inflated", limit), mark: ErrTooLong}
	}
	return l.inflated, nil
}
