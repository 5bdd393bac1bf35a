// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package rfc6455

import (
	"encoding/binary"
	"strings"
)

func compressed() []Case {
	long := strings.Repeat("a long message. ", 5000)
	packed, hello := deflated(long), deflated("hello")
	bomb := deflated(strings.Repeat(" ", 16*Limit))
	// A stored block (RFC 1951 3.2.4), and the empty one that a sender may leave at the end.
	stored := string(binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16([]byte{0}, 5), ^uint16(5))) + "hello\x00"
	middle := len(packed) / 2
	cases := []Case{
		passes("6.1", "compressed text", []Message{textOf("hello")}, frameOf(fin|rsv1|text, hello)),
		passes("6.1", "compressed binary", []Message{binaryOf("\xff\xfe\x00")}, frameOf(fin|rsv1|binaryData, deflated("\xff\xfe\x00"))),
		passes("6.1", "a long compressed message", []Message{textOf(long)}, frameOf(fin|rsv1|text, packed)),
		passes("6", "a message that is not compressed", []Message{textOf("hello")}, frameOf(fin|text, "hello")),
		passes("6", "messages of both kinds", []Message{textOf("hello"), textOf("plain"), textOf("hello")}, frameOf(fin|rsv1|text, hello), frameOf(fin|text, "plain"), frameOf(fin|rsv1|text, hello)),
		passes("7.2.3.6", "an empty message", []Message{textOf("")}, frameOf(fin|rsv1|text, "\x00")),
		passes("7.2.3.2", "a block without compression", []Message{textOf("hello")}, frameOf(fin|rsv1|text, stored)),
		passes("7.2.3.5", "two blocks", []Message{textOf("Hello")}, frameOf(fin|rsv1|text, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00")),
		passes("7.2.3.4", "a block with the bit of the last one", []Message{textOf("Hello")}, frameOf(fin|rsv1|text, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00")),
		passes("6.1", "fragments of a compressed message", []Message{textOf("hello")}, frameOf(rsv1|text, hello[:3]), frameOf(fin|continuation, hello[3:])),
		passes("6.1", "fragments of a long one", []Message{textOf(long)}, frameOf(rsv1|text, packed[:middle]), frameOf(continuation, ""), frameOf(fin|continuation, packed[middle:])),
		pinged("6.1", "a Ping between its fragments", []Message{textOf("hello")}, []string{"ping"}, frameOf(rsv1|text, hello[:3]), frameOf(fin|ping, "ping"), frameOf(fin|continuation, hello[3:])),
		passes("8.1", "text of all widths", []Message{textOf(manyWidths)}, frameOf(fin|rsv1|text, deflated(manyWidths))),
		fails("6.1", "RSV1 in a continuation", violation, frameOf(rsv1|text, hello[:3]), frameOf(fin|rsv1|continuation, hello[3:])),
		fails("6.1", "RSV1 in a continuation only", violation, frameOf(text, "hel"), frameOf(fin|rsv1|continuation, "lo")),
		fails("6.1", "RSV1 in a Ping", violation, frameOf(fin|rsv1|ping, "hello")),
		fails("6.1", "RSV1 in a Close frame", violation, frame{first: fin | rsv1 | closeFrame, payload: "\x03\xe8"}),
		fails("6.1", "RSV2 in a compressed message", violation, frameOf(fin|rsv1|rsv2|text, hello)),
		fails("6.2", "what cannot be inflated", notStated, frameOf(fin|rsv1|text, "\xff\xff\xff\xff")),
		fails("6.2", "a stored block of another length", notStated, frameOf(fin|rsv1|text, "\x00\x05\x00\x05\x00hello\x00")),
		fails("6.2", "a distance beyond the beginning", notStated, frameOf(fin|rsv1|text, "\x02\x02\x00\x00")),
		fails("8.1", "text that is not UTF-8", notUTF8, frameOf(fin|rsv1|text, deflated("caf\xe9"))),
		fails("8.1", "fragments of text that is not UTF-8", notUTF8, frameOf(rsv1|text, deflated("caf\xe9")[:2]), frameOf(fin|continuation, deflated("caf\xe9")[2:])),
		passes("6", "as long as is allowed, once inflated", []Message{textOf(strings.Repeat("*", Limit))}, frameOf(fin|rsv1|text, deflated(strings.Repeat("*", Limit)))),
		fails("8", "a byte longer, once inflated", tooBig, frameOf(fin|rsv1|text, deflated(strings.Repeat("*", Limit+1)))),
		fails("8", "16 times as long, once inflated", tooBig, frameOf(fin|rsv1|text, bomb)),
	}
	for i := range cases {
		cases[i].Deflate = true
		if cases[i].Section != "8.1" { // of RFC 6455
			cases[i].Section = "7692 " + cases[i].Section
		}
	}
	return cases
}
