// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package dedup

import (
	"bytes"
	"hash/maphash"

	"filebeat-websocket/receiver/decode"
)

// identity stands for something that a client may send again: its sender, its id and its
// content. An id alone could come from the line that is shipped, where anyone may have
// written it.
//
// It has 128 bits, in two halves with a random seed each. A collision would lose a
// record: it is too improbable to happen, and cannot be made without the seeds.
type identity [2]uint64

var identitySeeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

func identityOf(content []byte) identity {
	return identity{maphash.Bytes(identitySeeds[0], content), maphash.Bytes(identitySeeds[1], content)}
}

func identityOfText(text string) identity {
	return identity{maphash.String(identitySeeds[0], text), maphash.String(identitySeeds[1], text)}
}

// then returns the identity of one thing followed by another.
func (a identity) then(b identity) identity {
	for half := range a {
		a[half] = scramble(scramble(a[half]) + b[half])
	}
	return a
}

// and returns the identity of two things in any order.
func (a identity) and(b identity) identity { return identity{a[0] + b[0], a[1] + b[1]} }

// scramble makes each bit depend on all others: it is the finalizer of MurmurHash3.
func scramble(h uint64) uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// The kinds of identities.
var (
	ofRecord = identityOfText("record")
	ofChunk  = identityOfText("chunk")
)

// identityOfRecord is that of a record with an id, from the agent with that id. Other
// fields of the agent do not count: another run that reads the same line has another
// ephemeral_id. Nor does the time at which the line was read, if the record has the
// line's place in its file instead.
func identityOfRecord(sender string, id, agent, record []byte) (ofSender, ofAny identity) {
	ofAny, _ = identityOfContent(id, agent, record)
	return ofAny.then(identityOfText(sender)), ofAny
}

// identityOfContent does not depend on the sender. isWhole is false if record is not a
// JSON object, such as half a line.
func identityOfContent(id, agent, record []byte) (_ identity, isWhole bool) {
	var content, time identity
	var sawTime, sawMetadata, sawAgent bool // a second one is a field of the event
	members := decode.MembersOf(record)
	for {
		key, value, ok := members.Next()
		switch {
		case !ok:
			return ofRecord.then(identityOf(agent)).then(identityOf(id)).then(content.and(time)), members.Ended()
		case !sawTime && bytes.Equal(key, timestampKey):
			sawTime = true
			time = identityOf(key).then(identityOf(value))
			continue
		case !sawMetadata && bytes.Equal(key, metadataKey):
			sawMetadata = true
			continue
		case !sawAgent && bytes.Equal(key, agentKey):
			sawAgent = true
			continue
		}
		content = content.and(identityOf(key).then(identityOfValue(value)))
		if bytes.Equal(key, logKey) && memberID(value, offsetKey) != nil {
			sawTime, time = true, identity{}
		}
	}
}

// identityOfValue does not depend on the order of members, which is random in what a
// Beat writes.
func identityOfValue(value []byte) identity {
	if value[0] != '{' {
		return identityOf(value)
	}
	content := identity{}
	members := decode.MembersOf(value)
	for {
		key, value, ok := members.Next()
		if !ok {
			return ofRecord.then(content)
		}
		content = content.and(identityOf(key).then(identityOfValue(value)))
	}
}

// identityOfRequest is that of a Forward request with a chunk.
func identityOfRequest(sender, chunk string, records [][]byte) identity {
	request := ofChunk.then(identityOfText(sender)).then(identityOfText(chunk))
	for _, record := range records {
		request = request.then(identityOf(record))
	}
	return request
}
