// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package wstest

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"sync"
	"time"
)

// write sends bytes as they are. A failed write ends the connection, because
// the client may have half a frame.
func (c *conn) write(raw []byte) bool {
	c.writeMutex.Lock()
	defer c.writeMutex.Unlock()
	return c.writeLocked(raw)
}

func (c *conn) writeFrame(opcode byte, payload []byte) {
	c.writeMutex.Lock()
	defer c.writeMutex.Unlock()
	c.out = appendFrame(c.out[:0], opcode, payload)
	c.writeLocked(c.out)
}

func (c *conn) writeLocked(raw []byte) bool {
	if c.silent {
		return false
	}
	_ = c.netConn.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, err := c.netConn.Write(raw); err != nil {
		c.cut(true)
		return false
	}
	return true
}

// lastWords sends bytes, after which nothing more is written, not even a Pong.
func (c *conn) lastWords(raw []byte) {
	c.writeMutex.Lock()
	defer c.writeMutex.Unlock()
	c.writeLocked(raw)
	c.silent = true
}

// writeHuge sends SendHuge bytes as one text frame. It runs in a goroutine of
// its own, since the client may not read while it writes.
func (c *conn) writeHuge() {
	c.writeMutex.Lock()
	defer c.writeMutex.Unlock()
	size := c.fault.SendHuge
	if size <= 0xffff {
		c.writeLocked(appendFrame(nil, opText, bytes.Repeat([]byte("x"), size)))
		return
	}
	ok := c.writeLocked(binary.BigEndian.AppendUint64([]byte{0x80 | opText, 127}, uint64(size)))
	for chunk := bytes.Repeat([]byte("x"), 64<<10); ok && size > 0; size -= len(chunk) {
		chunk = chunk[:min(size, len(chunk))]
		ok = c.writeLocked(chunk)
	}
}

// writeFlood sends frames of one byte. It takes the lock for 100 at a time, so that
// the reader can answer Pings meanwhile.
func (c *conn) writeFlood(opcode byte, frames int) {
	const atOnce = 100
	one := appendFrame(nil, opcode, []byte("x"))
	for ok := true; ok && frames > 0; frames -= atOnce {
		ok = c.write(bytes.Repeat(one, min(frames, atOnce)))
	}
}

// writeEndless ends when the connection does, or when nothing is written on it
// any more.
func (c *conn) writeEndless() {
	fragment := appendFrame(nil, opText, bytes.Repeat([]byte("x"), 64<<10))
	for fragment[0] = opText; c.write(fragment); { // no FIN bit
		fragment[0] = opContinuation
	}
}

// writeUnasked sends the Pongs of UnsolicitedPongs.
func (c *conn) writeUnasked() {
	for i := range c.fault.UnsolicitedPongs {
		var payload []byte
		if i%2 == 1 {
			payload = []byte("unasked")
		}
		c.writeFrame(opPong, payload)
	}
}

// ping answers a Ping, now or later. payload is only valid during the call.
func (c *conn) ping(payload []byte) {
	counted := c.server.ledger
	counted.update(func() {
		counted.counts.Pings++
		c.info.Pings++
	})
	switch {
	case c.fault.MutePongs:
	case c.fault.Delay > 0:
		c.delayed.add(slices.Clone(payload), time.Now().Add(c.fault.Delay))
	case c.fault.PongOnlyNewest:
		newest := slices.Clone(payload)
		c.pending = &newest // idle sends it
	default:
		c.writePong(payload)
	}
}

func (c *conn) pong() {
	counted := c.server.ledger
	counted.update(func() { counted.counts.Pongs++ })
}

func (c *conn) writePong(payload []byte) {
	c.writeUnasked()
	if c.fault.EmptyPongs {
		payload = nil
	}
	c.writeFrame(opPong, payload)
}

// pongQueue holds Pongs until they are due, in order.
type pongQueue struct {
	wake chan struct{} // holds one token after an add

	mutex sync.Mutex
	pongs []duePong
}

type duePong struct {
	payload []byte
	due     time.Time
}

func (q *pongQueue) add(payload []byte, due time.Time) {
	q.mutex.Lock()
	q.pongs = append(q.pongs, duePong{payload, due})
	q.mutex.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// first returns when the oldest Pong is due.
func (q *pongQueue) first() (due time.Time, ok bool) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if len(q.pongs) == 0 {
		return time.Time{}, false
	}
	return q.pongs[0].due, true
}

// take removes the oldest Pong and returns its payload, or removes all and
// returns the newest.
func (q *pongQueue) take(newest bool) []byte {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	at := 0
	if newest {
		at = len(q.pongs) - 1
	}
	payload := q.pongs[at].payload
	q.pongs = slices.Delete(q.pongs, 0, at+1)
	return payload
}

// pongLoop sends delayed Pongs; it ends with the connection.
func (c *conn) pongLoop() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		due, ok := c.delayed.first()
		if !ok {
			select {
			case <-c.delayed.wake:
				continue
			case <-c.ended:
				return
			}
		}
		timer.Reset(time.Until(due))
		select {
		case <-timer.C:
			c.writePong(c.delayed.take(c.fault.PongOnlyNewest))
		case <-c.ended:
			return
		}
	}
}

// slowReader reads at a pace.
type slowReader struct {
	src            io.Reader
	bytesPerSecond int
	ended          chan struct{}
}

func (r *slowReader) Read(p []byte) (int, error) {
	// A twentieth of a second's worth at a time keeps the pace even.
	n, err := r.src.Read(p[:min(len(p), max(1, r.bytesPerSecond/20))])
	pause := time.NewTimer(time.Duration(n) * time.Second / time.Duration(r.bytesPerSecond))
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-r.ended:
	}
	return n, err
}
