// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package post

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"filebeat-websocket/receiver"
)

// codings are the compressions of Content-Encoding.
const codings = "gzip, deflate, zstd"

// maxWindow is the maximum window of a zstd frame: the limit of RFC 9659 for a content
// coding.
const maxWindow = 8 << 20

// codingOf returns the compression of a request's body: one of codings, or nothing.
func codingOf(r *http.Request) (string, *answer) {
	coding := ""
	for name := range strings.SplitSeq(strings.Join(r.Header.Values("Content-Encoding"), ","), ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		switch name {
		case "", "identity":
			continue
		case "x-gzip":
			name = "gzip"
		}
		if coding != "" || name != "gzip" && name != "deflate" && name != "zstd" {
			return "", &answer{
				status: http.StatusUnsupportedMediaType, reason: "the Content-Encoding has to be one of " + codings,
				header: "Accept-Encoding", value: codings,
			}
		}
		coding = name
	}
	return coding, nil
}

// errTrailing is for bytes behind the compressed ones.
var errTrailing = errors.New("more after its end")

// inflated returns a reader of the uncompressed body, and a function that releases it.
// widest is the maximum window of zstd.
func inflated(body io.Reader, coding string, client *receiver.Client, widest int64) (io.Reader, func(), error) {
	if coding == "" {
		return body, func() {}, nil
	}
	buffered, _ := bufferPool.Get().(*bufio.Reader)
	buffered.Reset(body)
	end := func() {
		buffered.Reset(nil)
		bufferPool.Put(buffered)
	}
	var r io.Reader
	var err error
	switch coding {
	case "gzip":
		unzip, _ := gzipPool.Get().(*gzip.Reader)
		free := end
		end = func() {
			gzipPool.Put(unzip)
			free()
		}
		r, err = unzip, unzip.Reset(buffered)
	case "deflate":
		r, err = newDeflate(buffered)
	case "zstd":
		var decoder *zstd.Decoder
		if decoder, err = newZstd(buffered, client, uint64(widest)); err == nil {
			free := end
			r, end = decoder, func() {
				decoder.Close()
				free()
			}
		}
	}
	return r, end, err
}

var (
	bufferPool = sync.Pool{New: func() any { return bufio.NewReader(nil) }}
	gzipPool   = sync.Pool{New: func() any { return new(gzip.Reader) }} // their tables take 40 KiB
)

// newDeflate reads deflate in the format of zlib, as RFC 9110 8.4.1.2 requires, and raw,
// as many clients send it. The header of zlib can't begin raw deflate that is longer than a
// stored block of a few bytes.
func newDeflate(body *bufio.Reader) (io.Reader, error) {
	begin, err := body.Peek(2)
	if err != nil {
		return nil, err
	}
	if begin[0]&0x0f == 8 && (int(begin[0])<<8|int(begin[1]))%31 == 0 {
		r, err := zlib.NewReader(body)
		return &whole{r, body}, err
	}
	return &whole{flate.NewReader(body), body}, nil
}

// whole reads a compressed stream and returns an error if bytes follow it.
type whole struct {
	io.Reader
	rest *bufio.Reader
}

func (w *whole) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		if _, restErr := w.rest.Peek(1); !errors.Is(restErr, io.EOF) {
			return n, errTrailing
		}
	}
	return n, err
}

// windowError is for a zstd frame that needs too much memory.
type windowError struct{ widest uint64 }

func (e *windowError) Error() string {
	return fmt.Sprintf("the window of zstd is larger than %d bytes", e.widest)
}

// newZstd takes memory for the window of the first frame. Later frames must not need
// more.
func newZstd(body *bufio.Reader, client *receiver.Client, widest uint64) (*zstd.Decoder, error) {
	begin, _ := body.Peek(zstd.HeaderMaxSize) // too few bytes are an error of Decode
	var header zstd.Header
	if err := header.Decode(begin); err != nil {
		return nil, err
	}
	window := header.WindowSize
	switch {
	case header.Skippable:
		window = widest
	case header.SingleSegment:
		window = header.FrameContentSize
	}
	if window > widest {
		return nil, &windowError{widest}
	}
	window = max(window, zstd.MinWindowSize)
	beside := window // of what the decoder keeps beside its window
	if window >= 2<<20 {
		beside = 1 << 20
	}
	if err := client.Reserve(int64(window + beside)); err != nil {
		return nil, err
	}
	return zstd.NewReader(body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(window))
}
