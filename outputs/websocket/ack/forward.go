// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package ack

import (
	"errors"

	"filebeat-websocket/protocol/forward"
)

func init() {
	Register("forward", Type{New: func(Config) Strategy { return &chunkReplies{waiting: map[string][]uint64{}} }})
}

// chunkReplies confirms by the replies of a Fluent Forward server, which name the
// chunk id of a request, in any order.
type chunkReplies struct {
	silent
	// waiting has the unconfirmed messages of each chunk id, oldest first: requests
	// with the same entries have the same id, and the server answers each of them.
	waiting map[string][]uint64
}

// Written implements Reader. A message without a chunk id is never confirmed: the
// session ends with a timeout.
func (c *chunkReplies) Written(number uint64, message []byte) {
	if chunk, err := forward.RequestChunk(message); err == nil && chunk != "" {
		c.waiting[chunk] = append(c.waiting[chunk], number)
	}
}

func (c *chunkReplies) Message(payload []byte) (Verdict, error) {
	chunk, err := forward.ParseAck(payload)
	if err != nil {
		if _, notHelo := forward.ParseHelo(payload); notHelo == nil {
			return Verdict{}, errors.New("a HELO: the server requires a handshake, so set forward.shared_key")
		}
		return Verdict{}, err
	}
	numbers := c.waiting[chunk]
	switch len(numbers) {
	case 0:
		return Verdict{}, errors.New("a confirmation of a chunk that is not in flight")
	case 1:
		delete(c.waiting, chunk)
	default:
		c.waiting[chunk] = numbers[1:]
	}
	return Verdict{Settled: numbers[0]}, nil
}

var _ Reader = (*chunkReplies)(nil)
