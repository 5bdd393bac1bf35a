// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package dedup

import "hash/maphash"

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

// identities returns those of the record from its sender and from anyone. Of the agent only
// its id counts: another run that reads the same line has another ephemeral_id. The time at
// which the line was read does not count if the record has the line's place in its file.
func (n *named) identities(sender string) (ofSender, ofAny identity) {
	ofAny = n.identity()
	return ofAny.then(identityOfText(sender)), ofAny
}

// identity does not depend on the sender.
func (n *named) identity() identity {
	return ofRecord.then(identityOf(n.agent)).then(identityOf(n.id)).then(n.content)
}

// identityOfRequest is that of a Forward request with a chunk.
func identityOfRequest(sender, chunk string, records [][]byte) identity {
	request := ofChunk.then(identityOfText(sender)).then(identityOfText(chunk))
	for _, record := range records {
		request = request.then(identityOf(record))
	}
	return request
}
