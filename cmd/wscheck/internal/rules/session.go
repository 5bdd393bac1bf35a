// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"filebeat-websocket/cmd/wscheck/internal/wire"
	"filebeat-websocket/protocol"
	"filebeat-websocket/protocol/forward"
)

// maxTrace is how much of what came a report shows.
const maxTrace = 6

// session is a connection on which records are sent and confirmed. One goroutine uses it.
type session struct {
	r      *run
	conn   *wire.Conn
	answer *wire.Answer

	sent      int             // messages
	confirmed int             // the newest message that is confirmed with all before it
	replies   []reply         // of filebeat.ack.v1
	nacked    map[int]bool    // messages
	lastAck   int             // the number itself
	ahead     string          // what was confirmed before it was sent
	pings     []int           // for each Ping, how many messages stand before it
	pongs     [][]byte        // payloads
	chunks    map[string]int  // message of each chunk that is not confirmed
	open      map[int]bool    // messages of Fluent Forward that are not confirmed
	strange   []string        // values that confirm nothing that was sent
	greetings [][]byte        // values of the handshake
	pinged    int             // Pings, numbered or not
	stream    *forward.Stream // what a server of Fluent Forward sends
	end       *wire.Event     // of the connection
	problem   string          // of a write
	signed    time.Time       // last sign of life
	pauseTill time.Time
	trace     []string
	untraced  int
}

func newSession(r *run, conn *wire.Conn, answer *wire.Answer) *session {
	return &session{
		r: r, conn: conn, answer: answer, nacked: map[int]bool{}, chunks: map[string]int{}, open: map[int]bool{},
		stream: forward.NewStream(maxReplyBytes), signed: time.Now(),
	}
}

// close ends the connection as Filebeat does, and takes what was seen on it.
func (s *session) close() {
	if s.end == nil && s.conn.SendClose(protocol.CloseNormal) == nil {
		for deadline := time.Now().Add(farewellTimeout); s.end == nil; {
			if !s.take(deadline) {
				break
			}
		}
	}
	s.conn.Close()
	s.report()
}

// cut ends the connection in the middle.
func (s *session) cut() {
	s.conn.Cut()
	s.report()
}

func (s *session) report() {
	for _, violation := range s.conn.Violations() {
		s.r.found("W1", violation)
	}
}

// send sends a message with these records.
func (s *session) send(records ...record) {
	var list [][]byte
	for _, one := range records {
		list = append(list, one.bytes)
	}
	if s.r.Ack == Forward {
		s.sendRequest(packedRequest, list, true)
		return
	}
	s.write(s.dataFrame(s.payload(list)))
}

func (s *session) payload(records [][]byte) []byte {
	if s.r.format.Join == nil {
		return records[0]
	}
	return s.r.format.Join(records)
}

// sendAll sends each record as a message, all of them in one write, with a few Pings between
// and behind them if they take one to be confirmed: as the output, which has one Ping for
// each of a few batches on the way. Some libraries cut clients off that send many more.
func (s *session) sendAll(records []record) {
	const pings = 4
	every := (len(records) + pings - 1) / pings
	var raw []byte
	for i, one := range records {
		if s.r.Ack == Forward {
			s.sent++
			raw = s.requestFrame(s.sent, packedRequest, [][]byte{one.bytes}, true).Append(raw)
			continue
		}
		raw = s.dataFrame(s.r.format.Message(one.bytes)).Append(raw)
		s.sent++
		if (i+1)%every != 0 && i < len(records)-1 {
			continue
		}
		if ping, needed := s.pingFrame(); needed {
			raw = ping.Append(raw)
		}
	}
	s.raw(raw)
}

// opcode is the one of the format.
func (s *session) opcode() byte {
	if s.r.format.Binary {
		return wire.Binary
	}
	return wire.Text
}

func (s *session) dataFrame(payload []byte) wire.Frame {
	return wire.Frame{Opcode: s.opcode(), Payload: payload}
}

// data returns the payload of the next message, with one record.
func (s *session) data(one record) []byte {
	if s.r.Ack == Forward {
		return s.requestFrame(s.sent+1, packedRequest, [][]byte{one.bytes}, true).Payload
	}
	return s.r.format.Message(one.bytes)
}

// write sends the frames of one message.
func (s *session) write(frames ...wire.Frame) {
	s.sent++
	var raw []byte
	for _, f := range frames {
		raw = f.Append(raw)
	}
	s.raw(raw)
}

// raw sends bytes, after a pause that the receiver asked for.
func (s *session) raw(raw []byte) {
	if wait := min(time.Until(s.pauseTill), s.r.Timeout); wait > 0 {
		s.settle(wait)
	}
	if err := s.conn.Write(raw); err != nil && s.problem == "" {
		s.problem = err.Error()
	}
}

func (s *session) confirmsByPong() bool { return s.r.Ack == Ping || s.r.Ack == None }

// pingFrame is the Ping behind a message, numbered as the output does.
func (s *session) pingFrame() (wire.Frame, bool) {
	if !s.confirmsByPong() {
		return wire.Frame{}, false
	}
	s.pings = append(s.pings, s.sent)
	s.pinged++
	return wire.Frame{Opcode: wire.Ping, Payload: binary.BigEndian.AppendUint64(nil, uint64(len(s.pings)))}, true
}

// flush asks for a confirmation of what was sent, where that takes a Ping.
func (s *session) flush() {
	if ping, needed := s.pingFrame(); needed {
		s.raw(ping.Append(nil))
	}
}

// await waits until a number of messages is confirmed, and returns what went wrong, if
// anything.
func (s *session) await(count int) string {
	return s.unlessAhead(func() bool { return s.confirmed >= count }, func() string {
		return fmt.Sprintf("%s of %s, and no more", s.progressText(), plural(count, "message"))
	})
}

// awaitSettled is await for messages that may be refused.
func (s *session) awaitSettled(count int) string {
	return s.unlessAhead(func() bool { return s.settled() >= count }, func() string {
		return fmt.Sprintf("%s of %s, and no more", s.progressText(), plural(count, "message"))
	})
}

// settled is the newest message that has a verdict, with all before it.
func (s *session) settled() int {
	n := s.confirmed
	for s.nacked[n+1] {
		n++
	}
	return n
}

func (s *session) progressText() string {
	switch {
	case s.confirmed == 0:
		return "confirmed was none"
	case s.r.Ack == Message:
		return fmt.Sprintf("{\"ack\":%d} was the newest ack", s.confirmed)
	}
	return fmt.Sprintf("confirmed were %d", s.confirmed)
}

// until takes events until done, and returns what went wrong. Each sign of progress gives
// the receiver the whole timeout again.
func (s *session) until(done func() bool, missing func() string) string {
	s.signed = time.Now()
	for !done() {
		if !s.take(s.signed.Add(s.r.Timeout)) {
			switch {
			case s.end != nil:
				return "the connection ended: " + closeText(s.end) + "; " + missing()
			case s.r.ctx.Err() != nil:
				return "the check was interrupted"
			}
			return fmt.Sprintf("%s within %v", missing(), s.r.Timeout)
		}
	}
	return ""
}

// unlessAhead is until for confirmations, each of which has to be of something that was sent.
func (s *session) unlessAhead(done func() bool, missing func() string) string {
	problem := s.until(func() bool { return s.ahead != "" || done() }, missing)
	if s.ahead != "" {
		return s.ahead
	}
	return problem
}

// settle takes events for a while: what must not come may come late.
func (s *session) settle(d time.Duration) {
	for deadline := time.Now().Add(d); s.take(deadline); {
		continue
	}
}

// awaitEnd waits for the end of the connection and returns it, or nil.
func (s *session) awaitEnd(timeout time.Duration) *wire.Event {
	for deadline := time.Now().Add(timeout); s.end == nil && s.take(deadline); {
		continue
	}
	return s.end
}

// take takes one event, and reports whether there was one before the deadline.
func (s *session) take(deadline time.Time) bool {
	event, ok := s.conn.Next(deadline)
	if !ok {
		return false
	}
	switch event.Opcode {
	case wire.Text, wire.Binary:
		s.message(event)
	case wire.Pong:
		s.pong(event.Payload)
	case wire.Close:
		s.end = &event
		s.traced(closeText(&event))
	}
	return true
}

func (s *session) traced(what string) {
	if len(s.trace) >= maxTrace {
		s.trace = append(s.trace[:maxTrace-1], what)
		s.untraced++
		return
	}
	s.trace = append(s.trace, what)
}

// came says what came, for the report.
func (s *session) came() string {
	switch {
	case len(s.trace) == 0 && s.problem != "":
		return "nothing; writing failed: " + s.problem
	case len(s.trace) == 0:
		return "nothing"
	case s.untraced > 0:
		return strings.Join(s.trace[:maxTrace-1], " ") + fmt.Sprintf(" … (%d more) … ", s.untraced) + s.trace[maxTrace-1]
	}
	return strings.Join(s.trace, " ")
}

func closeText(end *wire.Event) string {
	if end.Code == protocol.CloseAbnormal {
		return "end without a Close frame (" + end.Reason + ")"
	}
	if end.Code == protocol.CloseNone {
		return "close without a code"
	}
	return strings.TrimSuffix(fmt.Sprintf("close %d %s", end.Code, shortened(end.Reason)), " ")
}

func shortened(text string) string {
	const most = 100
	text = strings.ToValidUTF8(text, "�")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

func plural(count int, what string) string {
	if count == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", count, what)
}

func (s *session) pong(payload []byte) {
	s.pongs = append(s.pongs, payload)
	s.unasked(payload)
	number := 0
	if len(payload) == 8 {
		number = int(binary.BigEndian.Uint64(payload))
	}
	if s.r.echoless {
		number = len(s.pongs)
	}
	s.traced(pongText(payload))
	if !s.confirmsByPong() {
		return
	}
	if number < 1 || number > len(s.pings) {
		return
	}
	s.signed = time.Now()
	s.confirmed = max(s.confirmed, s.pings[number-1])
}

func pongText(payload []byte) string {
	switch {
	case len(payload) == 0:
		return "Pong (empty)"
	case len(payload) == 8:
		return fmt.Sprintf("Pong %d", binary.BigEndian.Uint64(payload))
	}
	if len(payload) > 20 {
		return fmt.Sprintf("Pong (%d bytes)", len(payload))
	}
	return fmt.Sprintf("Pong %q", payload)
}

func (s *session) message(event wire.Event) {
	if s.r.Ack == Forward {
		s.values(event)
		return
	}
	s.traced(shortened(string(event.Payload)))
	if s.r.Ack == Message {
		s.reply(event)
	}
}

// hangsUp reports whether the server closes the TCP connection, once its Close frame has come.
func (s *session) hangsUp() bool { return s.conn.AwaitHangUp(time.Now().Add(s.r.Timeout)) }
