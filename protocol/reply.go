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

// Subprotocol is the name that the client offers in Sec-WebSocket-Protocol, and that
// the server has to pick (RFC 6455 1.9).
const Subprotocol = "filebeat.ack.v1"

// Reply is one text message from the receiver. Data messages of a connection
// are numbered 1, 2, 3, ... in their order; 0 means none.
type Reply struct {
	// Ack confirms every message up to this one.
	Ack uint64
	// Nack refuses this message, and only this one.
	Nack uint64
	// Reason is why Nack was refused.
	Reason string
	// Retry means that Nack may be sent again; without it, never.
	Retry bool
	// Records are the refused records of Nack, counted from 0; the others are
	// confirmed. Empty means all.
	Records []int
	// Progress means that the receiver is still processing messages.
	Progress bool
	// Pause asks for no new messages for this time.
	Pause time.Duration
}

// ErrNoReply is the error for a message that is not a reply.
var ErrNoReply = errors.New("not a message of " + Subprotocol)

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

// ParseReply reads a reply. It ignores unknown keys. The error is ErrNoReply if the
// message is not a JSON object, has a key of the protocol with a value of the wrong
// type, or has no key of the protocol.
func ParseReply(message []byte) (Reply, error) {
	var wire wireReply
	if err := json.Unmarshal(message, &wire); err != nil {
		// The error of the library may quote the message, which may be long.
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
