// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/klauspost/compress/flate"

	"filebeat-websocket/protocol/deflate"
)

// ErrCompression is wrapped by the error of Dial if the server's answer to the offer of
// compression cannot be used. A Dial without the offer may succeed.
var ErrCompression = errors.New("the server's answer to the offer of permessage-deflate can't be used")

// MaxCompressionLevel is the highest Options.CompressionLevel.
const MaxCompressionLevel = flate.BestCompression

// checkExtensions checks the extensions that the server picked (RFC 6455 9.1).
func (o *Options) checkExtensions(lines []string) (compressed bool, err error) {
	answer := strings.Join(lines, ", ")
	if strings.TrimSpace(answer) == "" {
		return false, nil
	}
	picked := deflate.Parse(answer)
	quoted := fmt.Sprintf("%q", excerpt(answer, maxCauseBytes, o.secrets()))
	switch {
	case o.CompressionLevel == 0 || picked.Name != deflate.Name:
		return false, fmt.Errorf("the server picked the extension %s, which was not offered", quoted)
	case !picked.IsAnswer():
		return false, fmt.Errorf("%w: %s", ErrCompression, quoted)
	case !picked.Has(deflate.ServerNoContext): // the library can inflate nothing else
		return false, fmt.Errorf("%w: %s lacks %s", ErrCompression, quoted, deflate.ServerNoContext)
	}
	return true, nil
}

// flateWriterPools hold writers, by their level. One takes about a megabyte, so connections
// share them: only as many are in use as messages are being compressed at the same
// time, which is about the number of processors.
var flateWriterPools [MaxCompressionLevel + 1]sync.Pool

// bufferPool holds buffers for a message before and after it is compressed.
var bufferPool = sync.Pool{New: func() any { return new(buffer) }}

// keepPooledBytes is the maximum size of a buffer that goes back to the pool. It fits a
// message of the default max_message_bytes.
const keepPooledBytes = 1<<20 + 64<<10

// buffer is an io.Writer that appends.
type buffer struct{ bytes []byte }

func (b *buffer) Write(p []byte) (int, error) {
	b.bytes = append(b.bytes, p...)
	return len(p), nil
}

func takeBuffer() *buffer {
	b, _ := bufferPool.Get().(*buffer)
	b.bytes = b.bytes[:0]
	return b
}

func (b *buffer) giveBack() {
	if cap(b.bytes) <= keepPooledBytes {
		bufferPool.Put(b)
	}
}

// deflateInto appends the compressed message (RFC 7692 7.2.1), and reports whether it
// succeeded.
func (b *buffer) deflateInto(level int, message []byte) bool {
	w, _ := flateWriterPools[level].Get().(*flate.Writer)
	if w == nil {
		var err error
		if w, err = flate.NewWriter(b, level); err != nil {
			return false // an invalid level, which the settings rule out
		}
	} else {
		w.Reset(b)
	}
	_, err := w.Write(message)
	if err == nil {
		err = w.Flush()
	}
	w.Reset(nil) // releases the buffer
	flateWriterPools[level].Put(w)
	var whole bool
	b.bytes, whole = bytes.CutSuffix(b.bytes, flushTail)
	return err == nil && whole
}

// flushTail is the empty block at the end of a flush, which is not sent.
var flushTail = []byte{0x00, 0x00, 0xFF, 0xFF}

// appendCompressed appends a data message of at most size bytes, compressed if that makes
// it shorter.
func (c *Conn) appendCompressed(opcode byte, size int, appendTo func(dst []byte) []byte) error {
	plain, packed := takeBuffer(), takeBuffer()
	defer plain.giveBack()
	defer packed.giveBack()
	plain.bytes = appendTo(slices.Grow(plain.bytes, size))
	payload := plain.bytes
	if len(payload) >= c.options.CompressionThreshold &&
		packed.deflateInto(c.options.CompressionLevel, payload) && len(packed.bytes) < len(payload) {
		payload, opcode = packed.bytes, opcode|compressedBit
	}
	c.before += len(plain.bytes)
	c.after += len(payload)
	return c.appendPayload(opcode, payload)
}

// Compressed reports whether the server agreed to compression.
func (c *Conn) Compressed() bool { return c.compressed }
