// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	"github.com/gorilla/websocket"
	"github.com/klauspost/compress/gzip"
)

// gzipPool has *gzip.Reader, whose tables take 40 KiB.
var gzipPool = sync.Pool{New: func() any { return new(gzip.Reader) }}

// inflate returns what the gzip members hold, which is valid until the next call.
// It stops when they and the bytes that were inflated before are more than limit,
// and takes no more memory than comes out.
func (l *recordList) inflate(compressed []byte, before, limit int64) ([]byte, error) {
	reader := gzipPool.Get().(*gzip.Reader) //nolint:errcheck,forcetypeassert // the pool holds nothing else
	defer gzipPool.Put(reader)
	err := reader.Reset(bytes.NewReader(compressed))
	if err == nil {
		l.inflated, err = readAll(reader, l.inflated[:0], limit-before)
	}
	tooLong := (*closing)(nil)
	switch {
	case errors.As(err, &tooLong):
		return nil, &closing{code: websocket.CloseMessageTooBig, reason: fmt.Sprintf("entries are longer than %d bytes when inflated", limit)}
	case err != nil:
		return nil, errors.New("entries are no gzip, or cut short")
	}
	return l.inflated, nil
}
