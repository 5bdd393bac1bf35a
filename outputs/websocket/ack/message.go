// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package ack

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"filebeat-websocket/protocol"
)

func init() {
	Register("message", Type{
		New: func(c Config) Strategy {
			if c.Field == "" {
				return replies{}
			}
			return fieldReplies{path: strings.Split(c.Field, ".")}
		},
		Subprotocol: func(c Config) string {
			if c.Field == "" {
				return protocol.Subprotocol
			}
			return ""
		},
	})
}

// replies confirms by the replies of a receiver that speaks filebeat.ack.v1.
type replies struct{ silent }

func (replies) Message(payload []byte) (Verdict, error) {
	reply, err := protocol.ParseReply(payload)
	switch {
	case err != nil && refuses(payload):
		return Verdict{Failed: fmt.Errorf("a refusal that cannot be read: %w", err)}, nil
	case err != nil:
		return Verdict{}, err
	}
	v := Verdict{Confirmed: reply.Ack, Progress: reply.Progress, Pause: reply.Pause}
	if reply.Nack > 0 {
		v.Refused = &Refusal{Message: reply.Nack, Records: reply.Records, Retry: reply.Retry, Reason: reply.Reason}
	}
	return v, nil
}

// refuses reports whether a message that is no valid reply was meant to refuse something.
// It cannot be ignored: the next ack would confirm what it refuses.
func refuses(payload []byte) bool {
	var reply struct {
		Nack json.RawMessage `json:"nack"`
	}
	err := json.Unmarshal(payload, &reply)
	return err == nil && len(reply.Nack) > 0 && string(reply.Nack) != "null"
}

// fieldReplies confirms by the JSON replies of any receiver. A field has the number
// of the last confirmed message.
type fieldReplies struct {
	silent
	path []string
}

func (f fieldReplies) Message(payload []byte) (Verdict, error) {
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return Verdict{}, errors.New("a reply that is not JSON")
	}
	for _, key := range f.path {
		object, ok := value.(map[string]any)
		if !ok {
			return Verdict{}, fmt.Errorf("a reply without the field %s", strings.Join(f.path, "."))
		}
		value = object[key]
	}
	digits, _ := value.(json.Number)
	number, err := strconv.ParseUint(digits.String(), 10, 64)
	if err != nil {
		return Verdict{}, fmt.Errorf("a reply whose field %s is not a message number", strings.Join(f.path, "."))
	}
	return Verdict{Confirmed: number}, nil
}
