// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package frames

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"filebeat-websocket/protocol"
)

// Bits and opcodes of a frame, RFC 6455 5.2.
const (
	finBit             = 0x80
	rsv1Bit            = 0x40
	rsv23Bits          = 0x30
	opcodeBits         = 0x0f
	maskBit            = 0x80
	lengthBits         = 0x7f
	controlBit         = 0x08
	continuationOpcode = 0x0

	maxControlBytes = 125
	maskBytes       = 4
	maxHeaderBytes  = 2 + 8 + maskBytes
)

// Fault is what the peer is told in a Close frame.
type Fault struct {
	Code   protocol.CloseCode
	Reason string
}

// Checker follows the frames of a peer as their bytes arrive. gorilla ends some
// violations of the protocol without a Close frame, takes others for something else,
// and answers none of them before what came earlier was confirmed.
type Checker struct {
	Limit      int64 // of a message
	FromServer bool  // the peer is a server: it does not mask, and may send any close code

	header  [maxHeaderBytes]byte
	have    int    // bytes of header
	left    uint64 // bytes of the payload to come
	body    []byte // of a Close frame
	open    bool   // a message has begun, and not ended
	ended   bool   // by a Close frame
	message int64  // length of the message so far, as its frames claim
	long    int64  // of the first message that is longer than Limit
}

// Check looks at the next bytes. If they break the protocol it returns what the peer
// is told, and how many bytes come before the frame at fault.
func (f *Checker) Check(p []byte) (before int, fault *Fault) {
	begin := 0 // of the frame at hand, as far as it is in p
	for i := 0; i < len(p) && !f.ended; {
		if f.left > 0 {
			n := min(f.left, uint64(len(p)-i))
			if f.isClose() {
				f.body = append(f.body, p[i:i+int(n)]...)
			}
			i += int(n)
			f.left -= n
		} else {
			n := copy(f.header[f.have:f.headerBytes()], p[i:])
			f.have += n
			i += n
			if f.have < f.headerBytes() {
				continue
			}
			if fault := f.begins(); fault != nil {
				return begin, fault
			}
		}
		if f.left == 0 {
			if f.isClose() {
				if fault := f.closes(); fault != nil {
					return begin, fault
				}
				f.ended = true
			}
			f.have, begin = 0, i
		}
	}
	return len(p), nil
}

// Long is the length of the first message that is longer than Limit, as its frames claim so
// far; 0 if there was none.
func (f *Checker) Long() int64 { return f.long }

func (f *Checker) isClose() bool { return f.header[0]&opcodeBits == websocket.CloseMessage }

// headerBytes is the length of the header, as far as what there is of it tells.
func (f *Checker) headerBytes() int {
	switch {
	case f.have < 2:
		return 2
	case f.isMaskWrong(): // it is at fault already
		return 2
	}
	length := 2
	switch f.header[1] & lengthBits {
	case 126:
		length = 4
	case 127:
		length = 10
	}
	if !f.FromServer {
		length += maskBytes
	}
	return length
}

// isMaskWrong: a client masks all frames, a server none (5.1).
func (f *Checker) isMaskWrong() bool { return (f.header[1]&maskBit != 0) == f.FromServer }

// begins handles a complete header.
func (f *Checker) begins() *Fault {
	first, length := f.header[0], uint64(f.header[1]&lengthBits)
	opcode, final := first&opcodeBits, first&finBit != 0
	switch {
	case f.isMaskWrong() && f.FromServer:
		return violation("a frame is masked")
	case f.isMaskWrong():
		return violation("a frame is not masked")
	case first&rsv23Bits != 0:
		return violation("a reserved bit is set")
	case first&rsv1Bit != 0 && opcode != websocket.TextMessage && opcode != websocket.BinaryMessage:
		return violation("a frame that does not begin a message is marked as compressed") // RFC 7692 6.1
	case opcode > websocket.BinaryMessage && opcode < websocket.CloseMessage || opcode > websocket.PongMessage:
		return violation(fmt.Sprintf("opcode %d is reserved", opcode))
	case opcode&controlBit != 0:
		if !final {
			return violation("a control frame is fragmented") // 5.5
		}
		if length > maxControlBytes {
			return violation("a control frame is longer than 125 bytes")
		}
		f.left = length
		return nil
	case opcode == continuationOpcode && !f.open:
		return violation("a continuation frame continues nothing") // 5.4
	case opcode != continuationOpcode && f.open:
		return violation("a message begins inside of another one")
	}
	switch length {
	case 126:
		length = uint64(binary.BigEndian.Uint16(f.header[2:]))
	case 127:
		length = binary.BigEndian.Uint64(f.header[2:])
	}
	if length > math.MaxInt64 {
		return violation("a length has its first bit set")
	}
	if !f.open {
		f.message = 0
	}
	if f.message += int64(length); f.message < 0 {
		return &Fault{Code: protocol.CloseTooBig, Reason: "message is longer than can be counted"}
	}
	if f.message > f.Limit && (f.long == 0 || f.open && f.long < f.message) {
		f.long = f.message
	}
	f.open, f.left = !final, length
	return nil
}

// closes handles a complete Close frame, 5.5.1.
func (f *Checker) closes() *Fault {
	if len(f.body) == 0 {
		return nil
	}
	if !f.FromServer {
		key := f.header[2 : 2+maskBytes]
		for i := range f.body {
			f.body[i] ^= key[i%maskBytes]
		}
	}
	if len(f.body) == 1 {
		return violation("the payload of a Close frame has one byte")
	}
	code := protocol.CloseCode(binary.BigEndian.Uint16(f.body))
	switch {
	case !f.FromServer && !isCloseCode(code):
		return violation(fmt.Sprintf("close code %d is not for a Close frame", code))
	case !utf8.Valid(f.body[2:]):
		return &Fault{Code: protocol.CloseInvalidData, Reason: "the reason of a Close frame is not UTF-8"}
	}
	return nil
}

// isCloseCode reports whether a client may send the code, 7.4. gorilla does not know
// 1014 and ends the connection over it.
func isCloseCode(code protocol.CloseCode) bool {
	return code.Known() && code != protocol.CloseNone && code != protocol.CloseBadGateway
}

func violation(reason string) *Fault {
	return &Fault{Code: protocol.CloseProtocolError, Reason: reason}
}
