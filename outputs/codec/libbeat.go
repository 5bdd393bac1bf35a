// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"errors"
	"fmt"

	"github.com/elastic/beats/v7/libbeat/beat"
	libcodec "github.com/elastic/beats/v7/libbeat/outputs/codec"

	// libbeat's own codecs register themselves: codec.format and codec.json.
	_ "github.com/elastic/beats/v7/libbeat/outputs/codec/format"
	_ "github.com/elastic/beats/v7/libbeat/outputs/codec/json"
	"github.com/elastic/elastic-agent-libs/mapstr"
)

// FromLibbeat returns a function that makes Encoders of the libbeat codec named
// in cfg (codec.json.*, codec.format.string), json if it names none. index is
// what libbeat's JSON codec writes as @metadata.beat. One codec is made immediately,
// so that an invalid setting is an error here.
func FromLibbeat(info beat.Info, index string, cfg libcodec.Config) (func() Encoder, error) {
	newCodec := func() (libcodec.Codec, error) {
		c, err := libcodec.CreateEncoder(info, cfg)
		if err != nil {
			return nil, fmt.Errorf("libbeat codec: %w", err)
		}
		return c, nil
	}
	if _, err := newCodec(); err != nil {
		return nil, err
	}
	return func() Encoder {
		return &libbeatEncoder{newCodec: newCodec, index: index}
	}, nil
}

// libbeatEncoder owns its codec: libbeat's codecs reuse a buffer and are not safe
// for several goroutines.
type libbeatEncoder struct {
	codec    libcodec.Codec // nil until newCodec has made it
	newCodec func() (libcodec.Codec, error)
	index    string
}

func (e *libbeatEncoder) Append(dst []byte, event *beat.Event) ([]byte, error) {
	encoded, err := e.encode(event)
	if err != nil {
		return dst, err
	}
	return append(dst, encoded...), nil
}

// encode returns a slice that belongs to the codec.
func (e *libbeatEncoder) encode(event *beat.Event) (encoded []byte, err error) {
	if e.codec == nil {
		if e.codec, err = e.newCodec(); err != nil {
			return nil, encodeError(errors.New("libbeat's codec can't be created"))
		}
	}
	defer func() {
		if recover() != nil {
			// The codec stopped half-way and may have lost count of its brackets.
			e.codec = nil
			encoded, err = nil, encodeError(errors.New("panic in libbeat's codec"))
		}
	}()

	encoded, err = e.codec.Encode(e.index, event)
	if drop, ok := errors.AsType[*DropError](err); ok {
		return nil, drop // from a codec of this package
	}
	switch {
	case errors.Is(err, mapstr.ErrKeyNotFound):
		return nil, encodeError(errors.New("the event lacks a field that the codec needs"))
	case err != nil:
		// libbeat's error is left out: it may quote the event.
		return nil, encodeError(errors.New("libbeat's codec can't encode the event"))
	}
	return encoded, nil
}

var _ Encoder = (*libbeatEncoder)(nil)
