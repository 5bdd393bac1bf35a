// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package wstest

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"filebeat-websocket/protocol"
)

const (
	// ackRestDelay is how long a message that AckEvery passes over waits for one
	// that it does not.
	ackRestDelay = 250 * time.Millisecond
	// progressInterval is far below any timeout of a client under test.
	progressInterval = 100 * time.Millisecond
	// ackFutureAhead is how far AckFuture acks beyond what was read. No client under
	// test has that many messages in flight.
	ackFutureAhead = 1_000_000
)

// acker keeps what a connection confirms. The reader owns all fields unless they say
// otherwise.
type acker struct {
	on    bool // messages are confirmed at all
	later bool // by ackLoop, not by the reader
	taken int  // newest message that was not refused
	acked int  // newest message of which the reader has sent an ack
	queue ackQueue
	begin sync.Once // for what goes before the first confirmation
}

// startAcks finds out whether and how the connection confirms.
func (c *conn) startAcks() {
	f := &c.fault
	c.acks.on = c.info.Subprotocol == protocol.Subprotocol || f.ReplyField != ""
	c.acks.later = c.acks.on && (f.AckDelay > 0 || f.AckEvery > 0 || f.ProgressOnly > 0)
	if c.acks.later {
		c.acks.queue.wake = make(chan struct{}, 1)
		c.server.running.Go(c.ackLoop)
	}
}

// confirm does what the fault asks for with a message that was counted, and reports
// whether the connection is over. message is valid during the call.
func (c *conn) confirm(number int, message []byte) (over bool) {
	f := &c.fault
	if f.CloseOnRecord != nil {
		if code := f.CloseOnRecord(message); code != 0 {
			c.lastWords(appendFrame(nil, opClose, closePayload(code, f.CloseReason)))
			c.hangUp()
			return true
		}
	}
	if !c.acks.on {
		return false
	}
	if refusal, refused := c.refusal(number, message); refused {
		c.writeNack(refusal)
		return false
	}
	c.acks.taken = number
	if c.acks.later {
		wait := f.AckDelay
		if f.AckEvery > 0 && number%f.AckEvery != 0 {
			wait += ackRestDelay
		}
		c.acks.queue.add(number, time.Now().Add(wait), f.ProgressOnly)
	}
	return false
}

// refusal returns the nack that message gets, if it gets one.
func (c *conn) refusal(number int, message []byte) (nack protocol.Reply, refused bool) {
	f := &c.fault
	nack = protocol.Reply{Nack: uint64(number), Reason: f.NackReason}
	if number == f.NackAtMessage {
		nack.Retry, nack.Records = f.NackRetry, f.NackRecords
		return nack, true
	}
	nack.Retry = f.NackRetry
	if f.NackRecord == nil {
		return nack, false
	}
	records := splitRecords(message)
	for i, record := range records {
		if f.NackRecord(record) {
			nack.Records = append(nack.Records, i)
		}
	}
	refused = len(nack.Records) > 0
	if !f.NackByIndex || len(nack.Records) == len(records) {
		nack.Records = nil
	}
	return nack, refused
}

// ackIdle acks, for the reader, everything taken since the last ack.
func (c *conn) ackIdle() {
	if c.acks.later || c.acks.taken == c.acks.acked {
		return
	}
	c.acks.acked = c.acks.taken
	c.writeAck(c.acks.taken)
}

// ackLoop sends delayed acks, and progress. It ends with the connection.
func (c *conn) ackLoop() {
	var progress <-chan time.Time
	if c.fault.ProgressOnly > 0 {
		ticker := time.NewTicker(progressInterval)
		defer ticker.Stop()
		progress = ticker.C
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var due <-chan time.Time
		if at, ok := c.acks.queue.first(); ok {
			timer.Reset(time.Until(at))
			due = timer.C
		}
		select {
		case <-due:
			if number := c.acks.queue.take(time.Now()); number > 0 {
				c.writeAck(number)
			}
		case <-progress:
			if c.acks.queue.held(time.Now()) {
				c.writeReply(protocol.AppendReply(nil, protocol.Reply{Progress: true}))
			}
		case <-c.acks.queue.wake:
		case <-c.ended:
			return
		}
	}
}

// beforeFirst sends what has to precede the first confirmation.
func (c *conn) beforeFirst() {
	c.acks.begin.Do(func() {
		if c.fault.Pause != "" {
			c.writeReply([]byte(`{"pause":` + strconv.Quote(c.fault.Pause) + `}`))
		}
		for _, text := range c.fault.MalformedAcks {
			c.writeReply([]byte(text))
		}
	})
}

func (c *conn) writeAck(number int) {
	c.beforeFirst()
	if c.fault.MuteAcks {
		return
	}
	if c.fault.AckFuture {
		number += ackFutureAhead
	} else {
		c.server.ledger.update(func() { c.info.Acked = max(c.info.Acked, number) })
	}
	if c.fault.ReplyField != "" {
		c.writeReply(appendField(nil, c.fault.ReplyField, number))
		return
	}
	c.writeReply(protocol.AppendAck(nil, uint64(number)))
}

func (c *conn) writeNack(nack protocol.Reply) {
	c.beforeFirst()
	if c.fault.ReplyField == "" {
		c.writeReply(protocol.AppendReply(nil, nack))
	}
}

// writeReply sends a text message, except during an endless message: only control
// frames may interrupt that (RFC 6455 5.4).
func (c *conn) writeReply(text []byte) {
	if !c.fault.EndlessMessage {
		c.writeFrame(opText, text)
	}
}

// appendField appends {"a":{"b":number}} for the path a.b.
func appendField(to []byte, path string, number int) []byte {
	names := strings.Split(path, ".")
	for _, name := range names {
		to = append(to, '{')
		to = strconv.AppendQuote(to, name)
		to = append(to, ':')
	}
	to = strconv.AppendInt(to, int64(number), 10)
	return append(to, strings.Repeat("}", len(names))...)
}

// ackQueue holds acks until they are due: the numbers and the times both rise.
type ackQueue struct {
	wake chan struct{} // holds one token after an add

	mutex   sync.Mutex
	acks    []dueAck
	holding time.Time // no ack before, if any message came
}

type dueAck struct {
	number int
	due    time.Time
}

// add adds an ack; hold is how long after the first one none may go out.
func (q *ackQueue) add(number int, due time.Time, hold time.Duration) {
	q.mutex.Lock()
	if hold > 0 && q.holding.IsZero() {
		q.holding = time.Now().Add(hold)
	}
	if due.Before(q.holding) {
		due = q.holding
	}
	// An ack covers those before it, so none of them need come later.
	for len(q.acks) > 0 && !q.acks[len(q.acks)-1].due.Before(due) {
		q.acks = q.acks[:len(q.acks)-1]
	}
	q.acks = append(q.acks, dueAck{number, due})
	q.mutex.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// first returns when the oldest ack is due.
func (q *ackQueue) first() (due time.Time, ok bool) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if len(q.acks) == 0 {
		return time.Time{}, false
	}
	return q.acks[0].due, true
}

// take removes all acks that are due and returns the newest, 0 without one.
func (q *ackQueue) take(now time.Time) (number int) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	for len(q.acks) > 0 && !q.acks[0].due.After(now) {
		number = q.acks[0].number
		q.acks = q.acks[1:]
	}
	return number
}

// held reports whether a message came and no ack may go out yet.
func (q *ackQueue) held(now time.Time) bool {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	return now.Before(q.holding)
}
