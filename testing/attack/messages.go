// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"bytes"
	"compress/flate"
	"fmt"
	"slices"
	"strings"

	"github.com/tinylib/msgp/msgp"
)

// longest is wsreceiver's default of --max-message-bytes.
const longest = 1 << 20

// junk is neither text nor MessagePack, and must not be stored: Stranger is in it.
var junk = []byte("\xc1\xff" + Stranger)

// Stranger is in what attackers send and no listener may store.
const Stranger = "sent by a stranger"

// onMessages returns what clients can do with messages.
func onMessages() []Attack {
	kinds := []Kind{WebSocket}
	stalled := frame(textMessage, longest, bytes.Repeat([]byte("x"), longest-1))
	half := deflated(bytes.Repeat([]byte("x"), longest-1))
	tiny := whole(textMessage, bytes.Repeat([]byte("{}"), longest/2))
	bomb := whole(compressedMessage, deflated(make([]byte, 64<<20)))
	multiplied := whole(binaryMessage, zippedRequest(bytes.Repeat(entry, longest/len(entry))))
	controls := whole(binaryMessage, make([]byte, longest))
	return []Attack{
		{Name: "sends messages of 1 MiB whose last byte never comes", Kinds: kinds, Clients: places, Full: true, connect: once(stalled)},
		{Name: "does the same, compressed", Kinds: kinds, Clients: places, Full: true, connect: once(frame(compressedMessage, uint64(len(half)+1), half))},
		{Name: "sends messages that never end, a byte at a time", Kinds: kinds, Clients: 256, connect: upgraded(func(c *client) {
			if c.send(frame(textMessage, longest, nil)) {
				c.trickle([]byte("x"))
			}
		})},
		{Name: "sends messages of 524,288 records", Kinds: kinds, Clients: 32, connect: forEver(tiny)},
		{Name: "sends messages that inflate to 64 MiB", Kinds: kinds, Clients: 32, connect: forEver(bomb)},
		{Name: "sends gzip that inflates, and a tag that goes into each record", Kinds: kinds, Clients: 32, connect: forEver(multiplied)},
		{Name: "sends control characters, each of which is six as JSON", Kinds: kinds, Clients: 8, connect: forEver(controls)},
		{Name: "nests arrays and objects without end", Kinds: kinds, Clients: len(nested), connect: upgraded(func(c *client) { c.again(nested[c.number]) })},
		{Name: "announces in MessagePack what does not come", Kinds: kinds, Clients: len(lies), connect: upgraded(func(c *client) {
			c.again(bytes.Repeat(whole(binaryMessage, lies[c.number]), 100))
		})},
		{Name: "sends half a binary message, or binary junk", Kinds: kinds, Clients: 16, connect: upgraded(func(c *client) {
			c.again(slices.Concat(whole(binaryMessage, junk), whole(binaryMessage, halfRequest())))
		})},
		{Name: "sends records with the ids of others", Kinds: kinds, Clients: 4, connect: upgraded(func(c *client) {
			c.again(claims())
		})},
	}
}

// forEver returns a connect that sends a message again and again.
func forEver(message []byte) func(*client) {
	return upgraded(func(c *client) { c.again(message) })
}

// once returns a connect that sends something and waits.
func once(message []byte) func(*client) {
	return upgraded(func(c *client) {
		if c.send(message) {
			c.hold()
		}
	})
}

var nested = [][]byte{
	whole(textMessage, []byte(strings.Repeat("[", longest))),
	whole(textMessage, []byte(strings.Repeat(`{"a":`, longest/5))),
	whole(textMessage, []byte(strings.Repeat("[", longest/2)+strings.Repeat("]", longest/2))),
	whole(textMessage, []byte(`{"a":`+strings.Repeat("[", 1000)+strings.Repeat("]", 1000)+"}")),
	whole(binaryMessage, bytes.Repeat([]byte{0x91}, longest)),              // arrays of one
	whole(binaryMessage, bytes.Repeat([]byte{0x81, 0xA1, 'a'}, longest/3)), // maps of one
}

var lies = [][]byte{
	{0xDB, 0xFF, 0xFF, 0xFF, 0xFF, 'x'},  // a string
	{0xC6, 0xFF, 0xFF, 0xFF, 0xFF, 'x'},  // bytes
	{0xDD, 0xFF, 0xFF, 0xFF, 0xFF, 0xC0}, // an array
	{0xDF, 0xFF, 0xFF, 0xFF, 0xFF, 0xA1}, // a map
	{0xC9, 0xFF, 0xFF, 0xFF, 0xFF, 0x01}, // an extension
	append(msgp.AppendString(msgp.AppendArrayHeader(nil, 2), "tag"), 0xDD, 0xFF, 0xFF, 0xFF, 0xFF, 0x92), // entries of a request
}

// entry is the shortest of Fluent Forward: [0, {}].
var entry = msgp.AppendMapHeader(msgp.AppendInt(msgp.AppendArrayHeader(nil, 2), 0), 0)

// zippedRequest returns a request of Fluent Forward whose entries are compressed, with a
// long tag.
func zippedRequest(entries []byte) []byte {
	request := msgp.AppendString(msgp.AppendArrayHeader(nil, 3), strings.Repeat("t", 1000))
	request = msgp.AppendBytes(request, zipped(entries))
	return msgp.AppendString(msgp.AppendString(msgp.AppendMapHeader(request, 1), "compressed"), "gzip")
}

// halfRequest returns the first half of a request of Fluent Forward.
func halfRequest() []byte {
	request := msgp.AppendArrayHeader(msgp.AppendString(msgp.AppendArrayHeader(nil, 2), "tag"), 1)
	request = msgp.AppendMapHeader(msgp.AppendInt(msgp.AppendArrayHeader(request, 2), 0), 1)
	request = msgp.AppendString(msgp.AppendString(request, "message"), Stranger)
	return request[:len(request)-1]
}

// deflated returns content as permessage-deflate sends it.
func deflated(content []byte) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression) // the level is valid
	_, _ = w.Write(content)                            // into memory
	_ = w.Flush()                                      // likewise
	return bytes.TrimSuffix(b.Bytes(), []byte{0, 0, 0xFF, 0xFF})
}

// claims returns messages that use the ids of the Good client before it does.
func claims() []byte {
	var all []byte
	for number := 1; number <= 1000; number++ {
		all = append(all, whole(textMessage, fmt.Appendf(nil, `{"@metadata":{"_id":"%d"},"agent":{"id":%q},"message":"mine"}`, number, goodAgent))...)
	}
	return all
}
