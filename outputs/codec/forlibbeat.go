// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"github.com/elastic/beats/v7/libbeat/beat"
	libcodec "github.com/elastic/beats/v7/libbeat/outputs/codec"
	conf "github.com/elastic/elastic-agent-libs/config"
)

// offerToLibbeat makes a codec known to libbeat's outputs as codec.NAME.
func offerToLibbeat(name string) {
	libcodec.RegisterType(name, func(info beat.Info, cfg *conf.C) (libcodec.Codec, error) {
		newEncoder, _, err := New(name, info, cfg)
		if err != nil {
			return nil, err
		}
		return &libbeatCodec{encoder: newEncoder()}, nil
	})
}

// libbeatCodec lets an output of libbeat use an Encoder. The record that Encode
// returns is valid until the next call, as with libbeat's own codecs: outputs that
// keep records (kafka, redis) copy them.
type libbeatCodec struct {
	encoder Encoder
	record  []byte
}

// Encode implements libbeat's Codec. No codec uses the index.
func (c *libbeatCodec) Encode(_ string, event *beat.Event) ([]byte, error) {
	record, err := c.encoder.Append(c.record[:0], event)
	if err != nil {
		return nil, err
	}
	c.record = record
	return record, nil
}

var _ libcodec.Codec = (*libbeatCodec)(nil)
