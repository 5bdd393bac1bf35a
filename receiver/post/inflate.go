// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package post

import (
	"bufio"
	"errors"
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
