// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package rfc6455

import (
	"fmt"
	"slices"
	"strings"
)

// Limit is what the side under test has to be set to: the longest message that it takes.
const Limit = 1 << 20

// Message is a data message as an application gets it.
type Message struct {
	// Kind is "text" or "binary", or empty if the application does not see it.
	Kind string
	Data string
}

// is reports whether the application got m for want. Bytes that are not UTF-8 may have
// been replaced on the way, one by one.
func (m Message) is(want Message) bool {
	return (m.Kind == "" || m.Kind == want.Kind) && string([]rune(m.Data)) == string([]rune(want.Data))
}

// How a connection can end, beside with the code of a Close frame from the side under test.
const (
	NoCode  = 0  // a Close frame without a code
	Dropped = -1 // no Close frame
	Hangs   = -2 // it does not end
)

// Case is what is sent over a connection, and what has to come of it.
type Case struct {
	Group   string
	Name    string
	Section string // of RFC 6455, or of RFC 7692 if it begins with that number
	Deflate bool   // permessage-deflate is agreed on, without context takeover
	Only    Side   // if it is about one side

	frames []frame
	chunk  int // bytes that are sent at a time, 0 for all

	messages []Message
	pongs    []string
	// ends are the codes with one of which it may end. Without any, the case itself does
	// not end the connection: it is closed with 1000 after it.
	ends []int
	// mayAccept is for what the RFC forbids to send, without saying that a receiver has to
	// notice: it may also take it.
	mayAccept bool
}

// Seen is what came of a case.
type Seen struct {
	Messages []Message
	Pongs    []string
	End      int
	Fault    string // something else that is wrong
}

func (s Seen) String() string {
	text := outcome(s.Messages, s.Pongs, endText(s.End))
	if s.Fault != "" {
		text += ", " + s.Fault
	}
	return text
}

func outcome(messages []Message, pongs []string, end string) string {
	var parts []string
	if n := len(messages); n == 1 {
		parts = append(parts, "message")
	} else if n > 1 {
		parts = append(parts, fmt.Sprintf("%d messages", n))
	}
	if len(pongs) > 0 {
		parts = append(parts, "Pong")
	}
	return strings.Join(append(parts, end), ", ")
}

func endText(end int) string {
	switch end {
	case NoCode:
		return "close without code"
	case Dropped:
		return "cut"
	case Hangs:
		return "goes on"
	}
	return fmt.Sprintf("close %d", end)
}

// Expected says what has to come of the case.
func (c Case) Expected() string {
	if len(c.ends) == 0 {
		return outcome(c.messages, c.pongs, "close 1000")
	}
	var ends []string
	for _, end := range c.ends {
		ends = append(ends, endText(end))
	}
	var end strings.Builder
	end.WriteString(ends[0])
	for _, other := range ends[1:] {
		end.WriteString(" or " + strings.TrimPrefix(other, "close "))
	}
	if c.mayAccept {
		return outcome(nil, nil, end.String()) + ", or " + outcome(c.messages, c.pongs, "close 1000")
	}
	return outcome(c.messages, c.pongs, end.String())
}

// Holds reports whether what was seen is what has to come of the case.
func (c Case) Holds(s Seen) bool {
	if s.Fault != "" {
		return false
	}
	isFail := slices.Contains(c.ends, s.End)
	isPass := s.End == 1000 && slices.EqualFunc(s.Messages, c.messages, Message.is) && c.pongsHold(s.Pongs)
	switch {
	case c.mayAccept:
		return isFail || isPass
	case len(c.ends) == 0:
		return isPass
	}
	return isFail && slices.EqualFunc(s.Messages, c.messages, Message.is) && c.pongsHold(s.Pongs)
}

// HoldsWithEchoes is Holds for an application that sends every message back: what it has
// not sent when the connection has to end is lost, and it may end without a Close frame
// (7.1.7), since that can be lost, too.
func (c Case) HoldsWithEchoes(s Seen) bool {
	if len(c.ends) > 0 && !c.mayAccept && len(s.Messages) < len(c.messages) {
		s.Messages = c.messages
	}
	isFailure := slices.ContainsFunc(c.ends, func(code int) bool { return code == 1002 || code == 1007 || code == 1009 })
	return c.Holds(s) || isFailure && s.End == Dropped
}

// pongsHold: the newest Ping has to be answered, those before it may be (5.5.3).
func (c Case) pongsHold(pongs []string) bool {
	if len(c.pongs) == 0 {
		return len(pongs) == 0
	}
	if len(pongs) == 0 || pongs[len(pongs)-1] != c.pongs[len(c.pongs)-1] {
		return false
	}
	rest := c.pongs
	for _, payload := range pongs {
		at := slices.Index(rest, payload)
		if at < 0 {
			return false
		}
		rest = rest[at+1:]
	}
	return true
}
