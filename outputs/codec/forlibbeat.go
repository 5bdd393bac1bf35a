// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"github.com/elastic/beats/v7/libbeat/beat"
	libcodec "github.com/elastic/beats/v7/libbeat/outputs/codec"
	conf "github.com/elastic/elastic-agent-libs/config"
)

// libbeat's outputs know these codecs as codec.NAME. It has a json of its own, and
// an entry of Fluent Forward is of no use without a request around it.
func init() {
	for _, name := range []string{"csv", "form", "gelf", "log", "ltsv", "msgpack", "raw"} {
		libcodec.RegisterType(name, func(info beat.Info, cfg *conf.C) (libcodec.Codec, error) {
			newEncoder, _, err := New(name, info, cfg)
			if err != nil {
				return nil, err
			}
			return &libbeatCodec{encoder: newEncoder()}, nil
		})
	}
}

// libbeatCodec lets an output of libbeat use an Encoder. The record of Encode is
// valid until the next one, as that of libbeat's own codecs: what keeps records
// (kafka, redis) copies them.
type libbeatCodec struct {
	encoder Encoder
	record  []byte
}

// Encode implements libbeat's Codec. The index is of no use to any of the codecs.
func (c *libbeatCodec) Encode(_ string, event *beat.Event) ([]byte, error) {
	record, err := c.encoder.Append(c.record[:0], event)
	if err != nil {
		return nil, err
	}
	c.record = record
	return record, nil
}

var _ libcodec.Codec = (*libbeatCodec)(nil)
