// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package post

import (
	"bufio"
	"fmt"
	"math"

	"github.com/klauspost/compress/zstd"

	"filebeat-websocket/receiver"
)

// maxWindow is the maximum window of a zstd frame: the limit of RFC 9659 for a content
// coding.
const maxWindow = 8 << 20

// windowError is for a zstd frame that needs too much memory.
type windowError struct{ widest uint64 }

func (e *windowError) Error() string {
	return fmt.Sprintf("the window of zstd is larger than %d bytes", e.widest)
}

// newZstd returns a decoder of frames one after the other. It takes memory for the largest
// of their windows, which may be at most widest.
func newZstd(body *bufio.Reader, client *receiver.Client, widest uint64) (*zstd.Decoder, error) {
	frames := &zstdFrames{body: body, client: client, widest: max(widest, zstd.MinWindowSize)}
	return zstd.NewReader(frames, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(frames.widest))
}

// zstdFrames passes compressed frames on. It reserves memory for the window of a frame
// before the decoder sees its header. Whatever is wrong with them is left to the decoder.
type zstdFrames struct {
	body     *bufio.Reader
	client   *receiver.Client
	widest   uint64 // allowed
	reserved uint64 // bytes

	left        uint64 // of what comes next: a header, or a block with its header
	inside      bool   // a frame
	hasChecksum bool
}

func (f *zstdFrames) Read(p []byte) (int, error) {
	if f.left == 0 {
		if err := f.next(); err != nil {
			return 0, err
		}
	}
	n, err := f.body.Read(p[:min(uint64(len(p)), f.left)])
	f.left -= uint64(n)
	return n, err
}

// next looks at what comes next.
func (f *zstdFrames) next() error {
	if f.inside {
		f.nextBlock()
		return nil
	}
	begin, _ := f.body.Peek(zstd.HeaderMaxSize) // there may be fewer bytes
	var header zstd.Header
	if header.Decode(begin) != nil {
		f.left = math.MaxUint64
		return nil //nolint:nilerr // the decoder finds that too, or the end
	}
	if header.Skippable {
		f.left = skippableHeader + uint64(header.SkippableSize)
		return nil
	}
	window := header.WindowSize
	if header.SingleSegment {
		window = header.FrameContentSize
	}
	f.left, f.inside, f.hasChecksum = uint64(header.HeaderSize), true, header.HasCheckSum
	return f.reserve(max(window, zstd.MinWindowSize))
}

const skippableHeader = 8 // bytes

// nextBlock reads the header of a block (RFC 8878 3.1.1.2).
func (f *zstdFrames) nextBlock() {
	const repeated = 1 // the type of a block whose content is one byte
	begin, _ := f.body.Peek(3)
	if len(begin) < 3 {
		f.left = math.MaxUint64
		return
	}
	header := uint64(begin[0]) | uint64(begin[1])<<8 | uint64(begin[2])<<16
	size := header >> 3
	if header>>1&3 == repeated {
		size = 1
	}
	f.left = 3 + size
	if isLast := header&1 == 1; isLast {
		f.inside = false
		if f.hasChecksum {
			f.left += 4
		}
	}
}

// reserve takes memory for a window, unless an earlier frame had one as large.
func (f *zstdFrames) reserve(window uint64) error {
	if window > f.widest {
		return &windowError{f.widest}
	}
	bytes := 2 * window // the decoder keeps about as much beside its window
	if window >= 2<<20 {
		bytes = window + 1<<20
	}
	if bytes <= f.reserved {
		return nil
	}
	more := bytes - f.reserved
	f.reserved = bytes
	return f.client.Reserve(int64(more))
}
