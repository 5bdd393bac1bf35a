// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"errors"
	"io"
	"math/bits"
	"sync"
)

const (
	// smallestBuffer is the length of a message's first buffer. Each further buffer is
	// twice as long as the one before.
	smallestBuffer = 4 << 10
	// keptBuffer is the longest that is kept from one message to the next.
	keptBuffer = 16 << 10
)

// ErrTooLong is returned by Buffer.ReadAll for more bytes than its limit.
var ErrTooLong = errors.New("too long")

// Buffer holds the bytes of a message that arrives. They count in a Lease.
type Buffer struct {
	lease *Lease
	data  []byte
	last  int      // length of the message before
	probe [64]byte // for the end of a message that fills data
}

// Buffer returns an empty Buffer of the Lease.
func (l *Lease) Buffer() *Buffer { return &Buffer{lease: l} }

// buffers are pools by length, so that a short message never holds a long buffer.
var buffers [64]sync.Pool

// Grow makes room for bytes more.
func (b *Buffer) Grow(bytes int) error {
	if cap(b.data)-len(b.data) >= bytes {
		return nil
	}
	length := max(len(b.data)+bytes, 2*cap(b.data), smallestBuffer)
	// Who sends one long message after the other is spared the copies on the way there, as
	// long as nobody lacks that memory.
	if cap(b.data) >= keptBuffer && b.last > length && b.lease.budget.arriving.hasPlenty(int64(2*b.last)) {
		length = b.last
	}
	class := bits.Len(uint(length - 1))
	if err := b.lease.Grow(1 << class); err != nil {
		return err
	}
	grown, _ := buffers[class].Get().(*[]byte)
	if grown == nil {
		made := make([]byte, 0, 1<<class)
		grown = &made
	}
	old := b.data
	b.data = append((*grown)[:0], old...)
	b.free(old)
	return nil
}

func (b *Buffer) free(data []byte) {
	if cap(data) == 0 {
		return
	}
	data = data[:0]
	buffers[bits.Len(uint(cap(data)-1))].Put(&data)
	b.lease.Shrink(int64(cap(data)))
}

// ReadAll reads r to its end behind what is in the Buffer. It returns ErrTooLong if
// there is more than limit in it then: the limit is on what r gives, not on what
// came over the wire.
func (b *Buffer) ReadAll(r io.Reader, limit int64) error {
	for hasEnded := false; ; {
		n, err := b.read(r)
		if full, ok := errors.AsType[*growError](err); ok {
			return full.cause
		}
		if int64(len(b.data)) > limit {
			return ErrTooLong
		}
		switch {
		case errors.Is(err, io.EOF) && n > 0:
			// gorilla passes on an EOF that a TLS connection returns together with
			// its last bytes, also in the middle of a fragmented message. The next
			// Read tells the end of the message (io.EOF) from that of the connection.
			hasEnded = true
		case hasEnded && errors.Is(err, io.ErrClosedPipe):
			// The end was that of gorilla's inflater, which is closed then: the last block
			// of a message may come with the bit that says so (RFC 7692 7.2.3.4).
			return nil
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// growError marks an error of Grow, as opposed to one of the reader.
type growError struct{ cause error }

func (e *growError) Error() string { return e.cause.Error() }

// read reads into the free part. If there is none, it grows only once more bytes come, so
// that a message that just fills the Buffer does not need one twice as long.
func (b *Buffer) read(r io.Reader) (n int, err error) {
	if cap(b.data) == 0 {
		if err := b.Grow(1); err != nil {
			return 0, &growError{err}
		}
	}
	if free := b.data[len(b.data):cap(b.data)]; len(free) > 0 {
		n, err = r.Read(free)
		b.data = b.data[:len(b.data)+n]
		return n, err
	}
	n, err = r.Read(b.probe[:])
	if appendErr := b.Append(b.probe[:n]); appendErr != nil {
		return n, &growError{appendErr}
	}
	return n, err
}

// ReadSome reads from r once, behind what is in the Buffer. It leaves an EOF that comes
// with bytes to the next call.
func (b *Buffer) ReadSome(r io.Reader) error {
	n, err := b.read(r)
	if full, ok := errors.AsType[*growError](err); ok {
		return full.cause
	}
	if n > 0 && errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// Bytes returns what is in the Buffer; it is valid until the Buffer grows or is
// freed.
func (b *Buffer) Bytes() []byte { return b.data }

// Reset empties the Buffer. It keeps its memory if that is little, as the next
// message is often there already.
func (b *Buffer) Reset() {
	if len(b.data) > 0 {
		b.last = len(b.data)
	}
	if cap(b.data) > keptBuffer {
		b.Free()
	}
	b.data = b.data[:0]
}

// Append adds p.
func (b *Buffer) Append(p []byte) error {
	if err := b.Grow(len(p)); err != nil {
		return err
	}
	b.data = append(b.data, p...)
	return nil
}

// Discard takes the first bytes away.
func (b *Buffer) Discard(bytes int) { b.data = b.data[:copy(b.data, b.data[bytes:])] }

// Free gives the memory back.
func (b *Buffer) Free() {
	b.free(b.data)
	b.data = nil
}
