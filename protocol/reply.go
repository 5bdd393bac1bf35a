// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Subprotocol is the name that the client offers in Sec-WebSocket-Protocol and
// that the server has to pick (RFC 6455 1.9).
const Subprotocol = "filebeat.ack.v1"

// Reply is one text message from the receiver. Data messages of a connection
// are numbered 1, 2, 3, ... by their order; 0 stands for none of them.
type Reply struct {
	// Ack says that every message up to this one is in the receiver's care.
	Ack uint64
	// Nack says that this message, and only this one, was not taken.
	Nack uint64
	// Reason is why Nack was not taken.
	Reason string
	// Retry says that Nack may be sent again. Without it, it never may.
	Retry bool
	// Records are the records of Nack, counted from 0, that were not taken; the
	// others were. Empty means all of them.
	Records []int
	// Progress says that the receiver is still at work.
	Progress bool
	// Pause asks for no new data for so long.
	Pause time.Duration
}

// ErrNoReply is the error for a message that is no reply at all.
var ErrNoReply = errors.New("no message of " + Subprotocol)

// wireReply is a Reply in JSON.
type wireReply struct {
	Ack      *uint64 `json:"ack,omitempty"`
	Nack     *uint64 `json:"nack,omitempty"`
	Reason   string  `json:"reason,omitempty"`
	Retry    *bool   `json:"retry,omitempty"`
	Records  []int   `json:"records,omitempty"`
	Progress bool    `json:"progress,omitempty"`
	Pause    string  `json:"pause,omitempty"`
}

// ParseReply reads a reply. Unknown keys are ignored. A message that is no JSON
// object, holds a key of the protocol with a value of another kind, or says
// nothing, is ErrNoReply.
func ParseReply(message []byte) (Reply, error) {
	var wire wireReply
	if err := json.Unmarshal(message, &wire); err != nil {
		// The text of the error may quote the message, which may be long.
		return Reply{}, fmt.Errorf("%w: not a JSON object of the protocol", ErrNoReply)
	}
	reply := Reply{Reason: wire.Reason, Records: wire.Records, Progress: wire.Progress}
	if wire.Ack != nil {
		reply.Ack = *wire.Ack
	}
	if wire.Nack != nil {
		if *wire.Nack == 0 {
			return Reply{}, fmt.Errorf("%w: messages are numbered from 1", ErrNoReply)
		}
		reply.Nack = *wire.Nack
		reply.Retry = wire.Retry != nil && *wire.Retry
	}
	for _, record := range wire.Records {
		if record < 0 {
			return Reply{}, fmt.Errorf("%w: records are counted from 0", ErrNoReply)
		}
	}
	if wire.Pause != "" {
		pause, err := time.ParseDuration(wire.Pause)
		if err != nil || pause < 0 {
			return Reply{}, fmt.Errorf("%w: pause is not a duration such as 5s", ErrNoReply)
		}
		reply.Pause = pause
	}
	if wire.Ack == nil && wire.Nack == nil && !wire.Progress && wire.Pause == "" {
		return Reply{}, fmt.Errorf("%w: neither ack, nack, progress nor pause", ErrNoReply)
	}
	return reply, nil
}

// AppendAck appends {"ack":n} to dst.
func AppendAck(dst []byte, through uint64) []byte {
	dst = append(dst, `{"ack":`...)
	dst = strconv.AppendUint(dst, through, 10)
	return append(dst, '}')
}

// AppendReply appends reply as JSON to dst. Zero fields are left out.
func AppendReply(dst []byte, reply Reply) []byte {
	wire := wireReply{Reason: reply.Reason, Records: reply.Records, Progress: reply.Progress}
	if reply.Ack > 0 {
		wire.Ack = &reply.Ack
	}
	if reply.Nack > 0 {
		wire.Nack, wire.Retry = &reply.Nack, &reply.Retry
	}
	if reply.Pause > 0 {
		wire.Pause = reply.Pause.String()
	}
	encoded, err := json.Marshal(wire)
	if err != nil {
		panic(err) // strings, numbers and booleans always have a JSON form
	}
	return append(dst, encoded...)
}
