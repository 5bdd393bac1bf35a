// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

import (
	"fmt"

	"github.com/tinylib/msgp/msgp"

	"filebeat-websocket/protocol/forward"
)

const formatForward = "forward"

func init() {
	register(formatForward, formatKind{frames: binaryFrames, decode: decodeForward})
}

// decodeForward: requests of Fluent Forward, one after the other, in each of its
// modes. nil is a heartbeat and no request.
func decodeForward(m message, list *Records) error {
	u := list.unpack(m.data)
	inflated := int64(0) // of all requests of the message
	for len(u.rest) > 0 {
		if msgp.IsNil(u.rest) {
			u.rest = u.rest[1:]
			continue
		}
		if !list.room(maxEscaped * len(u.rest)) {
			return errMemory
		}
		before := list.good()
		chunk, err := u.request(m.options, list, &inflated)
		if err != nil {
			return err
		}
		list.chunks = append(list.chunks, chunk)
		list.chunkRecords = append(list.chunkRecords, list.good()-before)
	}
	return nil
}

// request reads [tag, entries, option] or [tag, time, record, option]; the option
// may be missing. It returns the id of the chunk, empty if there is none.
func (u *unpacker) request(o *Options, list *Records, inflated *int64) (chunk string, err error) {
	elements, err := u.array()
	if err != nil {
		return "", err
	}
	if elements < 2 || elements > 4 {
		return "", u.fail("not a Fluent Forward request")
	}
	tag, err := u.shortText("tag")
	if err != nil {
		return "", err
	}
	var packed []byte
	switch msgp.NextType(u.rest) {
	case msgp.StrType, msgp.BinType:
		packed, err = u.bytes()
		elements -= 2
	case msgp.ArrayType:
		err = u.entryList(tag, o, list)
		elements -= 2
	default:
		if elements == 2 {
			return "", u.fail("entries are missing")
		}
		err = u.single(tag, o, list)
		elements -= 3
	}
	if err != nil {
		return "", err
	}
	if elements > 1 {
		return "", u.fail("request with too many elements")
	}
	options := requestOptions{}
	if elements == 1 {
		if options, err = u.requestOptions(); err != nil {
			return "", err
		}
	}
	if packed != nil {
		err = unpackEntries(packed, tag, options.compression, o, list, inflated)
	}
	return options.chunk, err
}

// single reads time and record of a request with one record.
func (u *unpacker) single(tag []byte, o *Options, list *Records) error {
	u.out = list.written
	u.head = head{tag: tag}
	if err := u.time(); err != nil {
		return err
	}
	return u.record(o, list)
}

// entryList reads the entries of a request that has them in an array.
func (u *unpacker) entryList(tag []byte, o *Options, list *Records) error {
	entries, err := u.array()
	if err != nil {
		return err
	}
	list.expect(len(u.rest))
	for range entries {
		if err := u.entry(tag, o, list); err != nil {
			return err
		}
	}
	return nil
}

// unpackEntries reads the entries of a request that has them one after the other
// in a str or bin, compressed or not.
func unpackEntries(packed, tag []byte, c compression, o *Options, list *Records, inflated *int64) (err error) {
	if c != uncompressed {
		if packed, err = list.inflate(c, packed, *inflated, o.MaxMessageBytes); err != nil {
			return err
		}
		*inflated += int64(len(packed))
	}
	list.expect(len(packed))
	outer := list.unpacker // of the message
	err = decodeEntries(packed, tag, o, list)
	list.unpacker = outer
	if err != nil {
		return fmt.Errorf("entries: %w", err)
	}
	return nil
}

// shortText reads a str or bin and refuses one that is too long for a tag or an option.
func (u *unpacker) shortText(what string) (text []byte, err error) {
	switch msgp.NextType(u.rest) {
	case msgp.StrType, msgp.BinType:
	default:
		return nil, u.fail(what + " is not text")
	}
	before := u.rest
	if text, err = u.bytes(); err == nil && len(text) > forward.MaxTextBytes {
		u.rest = before
		return nil, u.fail(fmt.Sprintf("%s longer than %d bytes", what, forward.MaxTextBytes))
	}
	return text, err
}

// requestOptions are the option of a request. Its size is ignored: the entries have
// it too.
type requestOptions struct {
	chunk       string
	compression compression
}

func (u *unpacker) requestOptions() (o requestOptions, err error) {
	switch msgp.NextType(u.rest) {
	case msgp.NilType:
		return o, u.skip(0)
	case msgp.MapType:
	default:
		return o, u.fail("options are not a map")
	}
	pairs, err := u.pairs()
	if err != nil {
		return o, err
	}
	for range pairs {
		key := []byte(nil)
		switch msgp.NextType(u.rest) {
		case msgp.StrType, msgp.BinType:
			key, err = u.bytes()
		default:
			err = u.skip(1)
		}
		if err != nil {
			return o, err
		}
		switch {
		case msgp.IsNil(u.rest):
			err = u.skip(1)
		case string(key) == forward.OptionChunk:
			var chunk []byte
			chunk, err = u.shortText(forward.OptionChunk)
			o.chunk = string(chunk)
		case string(key) == forward.OptionCompressed:
			o.compression, err = u.compression()
		default:
			err = u.skip(1)
		}
		if err != nil {
			return o, err
		}
	}
	return o, nil
}

func (u *unpacker) compression() (compression, error) {
	before := u.rest
	name, err := u.shortText("compression")
	if err != nil {
		return uncompressed, err
	}
	switch string(name) {
	case "gzip":
		return gzipped, nil
	case "zstd":
		return zstandard, nil
	case "", "text": // Fluentd's name for no compression
		return uncompressed, nil
	}
	u.rest = before
	return uncompressed, u.fail("compression is neither gzip nor zstd")
}
