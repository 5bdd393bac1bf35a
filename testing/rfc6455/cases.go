// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package rfc6455

import (
	"fmt"
	"strings"
)

// Cases returns all cases.
func Cases() []Case {
	var all []Case
	for _, group := range []struct {
		name  string
		cases []Case
	}{
		{"Frames and their lengths", lengths()},
		{"Masks", masks()},
		{"Pings and Pongs", pings()},
		{"Reserved bits", reservedBits()},
		{"Reserved opcodes", reservedOpcodes()},
		{"Fragments", fragments()},
		{"UTF-8", validText()},
		{"What is not UTF-8", invalidText()},
		{"UTF-8 that is cut", cutText()},
		{"Close frames", closes()},
		{"Limits", limits()},
		{"Compressed messages", compressed()},
	} {
		for _, c := range group.cases {
			c.Group = group.name
			all = append(all, c)
		}
	}
	return all
}

func textOf(data string) Message   { return Message{"text", data} }
func binaryOf(data string) Message { return Message{"binary", data} }
func frameOf(first byte, payload string) frame {
	return frame{first: first, payload: payload}
}

// passes is a case after which the connection goes on.
func passes(section, name string, messages []Message, frames ...frame) Case {
	return Case{Section: section, Name: name, frames: frames, messages: messages}
}

// fails is a case in which the side under test has to fail the connection, with that code
// or another one.
func fails(section, name string, codes []int, frames ...frame) Case {
	return Case{Section: section, Name: name, frames: frames, ends: codes}
}

var (
	violation = []int{1002}
	notUTF8   = []int{1007}
	// notStated: the RFC says that the connection has to be failed, and not with which code.
	notStated = []int{1002, 1007}
	tooBig    = []int{1009}
	before    = frameOf(fin|text, "before")
)

func lengths() (cases []Case) {
	for _, length := range []int{0, 1, 2, 124, 125, 126, 127, 128, 1000, 4095, 4096, 4097, 65534, 65535, 65536, 65537, 300_000} {
		payload := strings.Repeat("*", length)
		cases = append(cases, passes("5.2", fmt.Sprintf("text of %d bytes", length), []Message{textOf(payload)}, frameOf(fin|text, payload)))
		payload = strings.Repeat("\xfe", length)
		cases = append(cases, passes("5.2", fmt.Sprintf("binary of %d bytes", length), []Message{binaryOf(payload)}, frameOf(fin|binaryData, payload)))
	}
	for _, length := range []int{0, 125, 126, 300} {
		payload := strings.Repeat("*", length)
		c := passes("5.2", fmt.Sprintf("text of %d bytes, a byte at a time", length), []Message{textOf(payload)}, frameOf(fin|text, payload))
		c.chunk = 1
		cases = append(cases, c)
	}
	payload := strings.Repeat("*", 65536)
	c := passes("5.2", "text of 65536 bytes, 997 at a time", []Message{textOf(payload)}, frameOf(fin|text, payload))
	c.chunk = 997
	cases = append(cases, c)
	for _, long := range []struct{ length, width int }{{0, 2}, {1, 2}, {125, 2}, {0, 8}, {125, 8}, {126, 8}, {65535, 8}} {
		payload := strings.Repeat("*", long.length)
		c := fails("5.2", fmt.Sprintf("length %d in %d bytes", long.length, long.width), violation, frame{first: fin | text, payload: payload, width: long.width})
		c.messages, c.mayAccept = []Message{textOf(payload)}, true
		cases = append(cases, c)
	}
	huge := fails("5.2", "length with its first bit set", []int{1002, 1009}, frame{first: fin | binaryData, claims: 1<<63 | 5, payload: "hello"})
	return append(cases, huge, passes("5.4", "100 messages in a row", repeated(textOf("hi"), 100), repeated(frameOf(fin|text, "hi"), 100)...))
}

func repeated[T any](one T, times int) (all []T) {
	for range times {
		all = append(all, one)
	}
	return all
}

func masks() (cases []Case) {
	for _, f := range []struct {
		name  string
		frame frame
	}{
		{"text", frameOf(fin|text, "hello")}, {"empty text", frameOf(fin|text, "")}, {"binary", frameOf(fin|binaryData, "hello")},
		{"Ping", frameOf(fin|ping, "hello")}, {"Pong", frameOf(fin|pong, "")}, {"Close frame", closing(1000, "")},
	} {
		f.frame.wrongMask = true
		not := fails("5.1", f.name+" of a client without a mask", violation, f.frame)
		not.Only = Server
		masked := fails("5.1", f.name+" of a server with a mask", violation, f.frame)
		masked.Only = Client
		cases = append(cases, not, masked)
	}
	zero := passes("5.3", "a masking key of zeros", []Message{textOf("hello")}, frame{first: fin | text, payload: "hello", zeroMask: true})
	zero.Only = Server
	return append(cases, zero)
}

func pings() (cases []Case) {
	for _, p := range []struct{ name, payload string }{
		{"a Ping without payload", ""}, {"a Ping with payload", "payload"}, {"a Ping that is not text", "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"},
		{"a Ping of 124 bytes", strings.Repeat("\xfe", 124)}, {"a Ping of 125 bytes", strings.Repeat("\xfe", 125)},
	} {
		cases = append(cases, pinged("5.5.2", p.name, nil, []string{p.payload}, frameOf(fin|ping, p.payload)))
	}
	slow := pinged("5.5.2", "a Ping of 125 bytes, a byte at a time", nil, []string{strings.Repeat("*", 125)}, frameOf(fin|ping, strings.Repeat("*", 125)))
	slow.chunk = 1
	var ten []frame
	var payloads []string
	for i := range 10 {
		ten = append(ten, frameOf(fin|ping, fmt.Sprintf("ping %d", i)))
		payloads = append(payloads, fmt.Sprintf("ping %d", i))
	}
	tenSlow := pinged("5.5.3", "ten Pings, a byte at a time", nil, payloads, ten...)
	tenSlow.chunk = 1
	return append(cases, slow,
		pinged("5.5.3", "ten Pings", nil, payloads, ten...), tenSlow,
		pinged("5.5.2", "a Ping between messages", []Message{textOf("one"), textOf("two")}, []string{"ping"}, frameOf(fin|text, "one"), frameOf(fin|ping, "ping"), frameOf(fin|text, "two")),
		fails("5.5", "a Ping of 126 bytes", violation, frameOf(fin|ping, strings.Repeat("*", 126))),
		fails("5.5", "a Ping of 65536 bytes", violation, frameOf(fin|ping, strings.Repeat("*", 65536))),
		fails("5.5", "a Pong of 126 bytes", violation, frameOf(fin|pong, strings.Repeat("*", 126))),
		fails("5.5", "a Ping that is fragmented", violation, frameOf(ping, "a"), frameOf(fin|continuation, "b")),
		fails("5.5", "a Pong that is fragmented", violation, frameOf(pong, "a"), frameOf(fin|continuation, "b")),
		passes("5.5.3", "a Pong unasked, without payload", nil, frameOf(fin|pong, "")),
		passes("5.5.3", "a Pong unasked, with payload", nil, frameOf(fin|pong, "unasked")),
		passes("5.5.3", "a Pong unasked of 125 bytes", nil, frameOf(fin|pong, strings.Repeat("\xfe", 125))),
		pinged("5.5.3", "a Pong unasked and a Ping", nil, []string{"ping"}, frameOf(fin|pong, "unasked"), frameOf(fin|ping, "ping")),
	)
}

func pinged(section, name string, messages []Message, pongs []string, frames ...frame) Case {
	c := passes(section, name, messages, frames...)
	c.pongs = pongs
	return c
}

func reservedBits() (cases []Case) {
	for bits := byte(rsv3); bits <= rsv1|rsv2|rsv3; bits += rsv3 {
		var name strings.Builder
		for i, bit := range []byte{rsv1, rsv2, rsv3} {
			if bits&bit != 0 {
				fmt.Fprintf(&name, " RSV%d", i+1)
			}
		}
		after := fails("5.2", "text with"+name.String()+", after a message", violation, before, frameOf(fin|bits|text, "hello"))
		after.messages = []Message{textOf("before")}
		cases = append(cases, after,
			fails("5.2", "binary with"+name.String(), violation, frameOf(fin|bits|binaryData, "hello")),
			fails("5.2", "a Ping with"+name.String(), violation, frameOf(fin|bits|ping, "hello")),
			fails("5.2", "a Close frame with"+name.String(), violation, frame{first: fin | bits | closeFrame, payload: "\x03\xe8"}),
			fails("5.2", "a continuation with"+name.String(), violation, frameOf(text, "a"), frameOf(fin|bits|continuation, "b")))
	}
	return cases
}

func reservedOpcodes() (cases []Case) {
	for _, opcode := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		after := fails("5.2", fmt.Sprintf("opcode %d with payload, after a message", opcode), violation, before, frameOf(fin|opcode, "hello"))
		after.messages = []Message{textOf("before")}
		cases = append(cases, fails("5.2", fmt.Sprintf("opcode %d", opcode), violation, frameOf(fin|opcode, "")), after)
	}
	return append(cases, fails("5.2", "opcode 3 in a message", violation, frameOf(text, "a"), frameOf(fin|3, "b")),
		fails("5.2", "opcode 11 in a message", violation, frameOf(text, "a"), frameOf(fin|11, "b")))
}

func fragments() []Case {
	hello := []Message{textOf("hello")}
	var bytes []frame
	for i, letter := range strings.Split(strings.Repeat("*", 300), "") {
		first := byte(continuation)
		if i == 0 {
			first = text
		}
		bytes = append(bytes, frameOf(first, letter))
	}
	bytes = append(bytes, frameOf(fin|continuation, ""))
	slow := passes("5.4", "two fragments, a byte at a time", hello, frameOf(text, "hel"), frameOf(fin|continuation, "lo"))
	slow.chunk = 1
	long := strings.Repeat("*", 70_000)
	closed := Case{Section: "5.4", Name: "a Close frame between fragments", ends: []int{1000}, frames: []frame{frameOf(text, "hel"), closing(1000, "")}}
	after := fails("5.4", "a continuation after a message", violation, before, frameOf(fin|continuation, "lo"))
	after.messages = []Message{textOf("before")}
	return []Case{
		passes("5.4", "text in two fragments", hello, frameOf(text, "hel"), frameOf(fin|continuation, "lo")),
		passes("5.4", "binary in two fragments", []Message{binaryOf("\xffel\xfeo")}, frameOf(binaryData, "\xffel"), frameOf(fin|continuation, "\xfeo")),
		passes("5.4", "three fragments", hello, frameOf(text, "h"), frameOf(continuation, "ell"), frameOf(fin|continuation, "o")),
		passes("5.4", "301 fragments", []Message{textOf(strings.Repeat("*", 300))}, bytes...),
		passes("5.4", "fragments of all widths of length", []Message{textOf("*" + long + long[:200])}, frameOf(text, "*"), frameOf(continuation, long), frameOf(fin|continuation, long[:200])),
		slow,
		passes("5.4", "fragments without payload", []Message{textOf("")}, frameOf(text, ""), frameOf(continuation, ""), frameOf(fin|continuation, "")),
		passes("5.4", "a fragment without payload at the beginning", hello, frameOf(text, ""), frameOf(fin|continuation, "hello")),
		passes("5.4", "a fragment without payload in the middle", hello, frameOf(text, "hel"), frameOf(continuation, ""), frameOf(fin|continuation, "lo")),
		passes("5.4", "a fragment without payload at the end", hello, frameOf(text, "hello"), frameOf(fin|continuation, "")),
		passes("5.4", "two messages in fragments", []Message{textOf("hello"), binaryOf("hello")}, frameOf(text, "hel"), frameOf(fin|continuation, "lo"), frameOf(binaryData, "hel"), frameOf(fin|continuation, "lo")),
		pinged("5.4", "a Ping between fragments", hello, []string{"ping"}, frameOf(text, "hel"), frameOf(fin|ping, "ping"), frameOf(fin|continuation, "lo")),
		pinged("5.4", "a Ping between all fragments", hello, []string{"1", "2", "3"}, frameOf(text, "h"), frameOf(fin|ping, "1"), frameOf(continuation, "el"), frameOf(fin|ping, "2"), frameOf(continuation, ""), frameOf(fin|ping, "3"), frameOf(fin|continuation, "lo")),
		passes("5.4", "a Pong between fragments", hello, frameOf(text, "hel"), frameOf(fin|pong, "unasked"), frameOf(fin|continuation, "lo")),
		closed,
		fails("5.4", "a continuation of nothing", violation, frameOf(fin|continuation, "lo")),
		fails("5.4", "a continuation of nothing that is not the last", violation, frameOf(continuation, "lo"), frameOf(fin|continuation, "lo")),
		fails("5.4", "a continuation of nothing, without payload", violation, frameOf(fin|continuation, "")),
		after,
		fails("5.4", "text inside of a message", violation, frameOf(text, "hel"), frameOf(fin|text, "lo")),
		fails("5.4", "binary inside of a text message", violation, frameOf(text, "hel"), frameOf(fin|binaryData, "lo")),
		fails("5.4", "the first fragment of another message inside of one", violation, frameOf(binaryData, "hel"), frameOf(binaryData, "lo")),
		fails("5.4", "text inside of a message, behind a Ping", violation, frameOf(text, "hel"), frameOf(fin|pong, ""), frameOf(fin|text, "lo")),
	}
}
