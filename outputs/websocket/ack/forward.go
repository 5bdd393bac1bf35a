// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package ack

import (
	"errors"
	"fmt"

	"filebeat-websocket/protocol/forward"
)

func init() {
	Register("forward", Type{New: func(c Config) Strategy {
		return &chunkReplies{replies: c.stream(), waiting: map[string][]uint64{}}
	}})
}

// chunkReplies confirms by the replies of a Fluent Forward server, which name the
// chunk id of a request, in any order. They are values of a stream: a bridge between
// WebSocket and the server may put several into one message, and cut one in two.
type chunkReplies struct {
	silent
	replies *forward.Stream
	// waiting has the unconfirmed messages of each chunk id, oldest first: requests
	// may have the same id, and the server answers each of them.
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
	c.replies.Write(payload)
	reply, err := c.replies.Next()
	if err != nil || reply == nil {
		return Verdict{Failed: streamError(err)}, nil
	}
	verdict, err := c.reply(reply)
	verdict.More = c.replies.Unread() > 0
	return verdict, err
}

// streamError says what is wrong with replies whose ends can no longer be found.
func streamError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("the server's replies can't be read (max_read_bytes limits their length): %w", err)
}

func (c *chunkReplies) reply(reply []byte) (Verdict, error) {
	chunk, err := forward.ParseAck(reply)
	if err != nil {
		if _, notHelo := forward.ParseHelo(reply); notHelo == nil {
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
