// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package wstest

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
	"filebeat-websocket/protocol/forward"
)

// MistakenMaxBytes is the length of the longest message that a Mistaken takes.
const MistakenMaxBytes = 64 << 10

const (
	killPoll = 10 * time.Millisecond
	// storeDelay is longer than a command takes that looks, also on a busy machine.
	storeDelay = 2500 * time.Millisecond
	// killed is how many of the newest records a receiver forgets that keeps them in memory:
	// more than a check has on the way at a kill, and fewer than it sends.
	killed = 300
	// manyMessages are more than a check sends at once, but where it sends without reading.
	manyMessages = 501
	// turnMessages have a connection served alone.
	turnMessages = 50
)

// Mistaken is a receiver that keeps every rule but one: it accepts filebeat.ack.v1 (JSON, a
// record a line), `ack: ping` and Fluent Forward, and appends what it takes to a file.
type Mistaken struct {
	mistake  Mistake
	listener net.Listener
	file     *os.File
	folder   string
	running  sync.WaitGroup

	mutex    sync.Mutex
	conns    []*mistakenConn // those that are open, the newest one last
	ids      map[string]bool // of records that are in the file, and chunks
	leftover int             // messages of the connection that broke off last

	turn sync.Mutex // held by a connection that lets no other have a turn
}

// StartMistaken starts the receiver. The test's Cleanup ends it.
func StartMistaken(t *testing.T, mistake Mistake) *Mistaken {
	t.Helper()
	m := &Mistaken{mistake: mistake, folder: t.TempDir(), ids: map[string]bool{}}
	var err error
	m.file, err = os.Create(filepath.Join(m.folder, "records"))
	require.NoError(t, err)
	m.listener, err = (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan struct{})
	m.running.Go(m.acceptLoop)
	if mistake.Kill {
		m.running.Go(func() { m.killLoop(ended) })
	}
	t.Cleanup(func() {
		close(ended)
		_ = m.listener.Close()
		m.endAll(func(c *mistakenConn) { _ = c.socket.Close() })
		m.running.Wait()
		_ = m.file.Close()
	})
	return m
}

// URL is where it takes records.
func (m *Mistaken) URL() string { return "ws://" + m.listener.Addr().String() + "/ingest" }

// StoreCommand prints what it has stored.
func (m *Mistaken) StoreCommand() string { return "cat '" + m.file.Name() + "'" }

// KillCommand makes it end all connections, as a process does that is killed and comes back.
func (m *Mistaken) KillCommand() string {
	return fmt.Sprintf("touch '%[1]s'; while [ -e '%[1]s' ]; do sleep 0.01; done", m.killFile())
}

func (m *Mistaken) killFile() string { return filepath.Join(m.folder, "kill") }

func (m *Mistaken) is(flaw Flaw) bool { return m.mistake.Flaw == flaw }

func (m *Mistaken) acceptLoop() {
	for {
		socket, err := m.listener.Accept()
		if err != nil {
			return
		}
		m.running.Go(func() { m.serve(socket) })
	}
}

// killLoop waits for the file of KillCommand.
func (m *Mistaken) killLoop(ended chan struct{}) {
	for {
		select {
		case <-ended:
			return
		case <-time.After(killPoll):
		}
		if _, err := os.Stat(m.killFile()); err != nil {
			continue
		}
		m.endAll(func(c *mistakenConn) {
			if m.is(StopsWithAnotherCode) {
				c.write(appendFrame(nil, opClose, closePayload(1000, "")))
			}
			_ = c.socket.Close()
		})
		if m.is(ForgetsAtAKill) {
			m.forget()
		}
		_ = os.Remove(m.killFile())
	}
}

func (m *Mistaken) endAll(end func(*mistakenConn)) {
	m.mutex.Lock()
	conns := slices.Clone(m.conns)
	m.mutex.Unlock()
	for _, c := range conns {
		end(c)
	}
}

// forget removes the newest records from the file.
func (m *Mistaken) forget() {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	content, err := os.ReadFile(m.file.Name())
	if err != nil {
		return
	}
	lines := strings.SplitAfter(string(content), "\n")
	kept := strings.Join(lines[:max(0, len(lines)-killed)], "")
	_ = m.file.Truncate(int64(len(kept)))
	_, _ = m.file.Seek(0, io.SeekEnd)
}

// store appends a record to the file, unless it is known by its id.
func (m *Mistaken) store(id string, record []byte) {
	line := append(slices.Clone(record), '\n')
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if id != "" && m.ids[id] && !m.is(StoresDuplicates) {
		return
	}
	m.ids[id] = true
	if !m.is(ConfirmsBeforeItStores) {
		_, _ = m.file.Write(line) // a test that misses the record fails
		return
	}
	m.running.Go(func() {
		time.Sleep(storeDelay)
		_, _ = m.file.Write(line)
	})
}

// mistakenConn is one connection; serve owns all fields but the socket.
type mistakenConn struct {
	m      *Mistaken
	socket net.Conn
	frames frameReader
	mode   string // as Mistake.Ack

	opcode     byte // of a fragmented message, 0 outside of one
	partial    []byte
	fragments  int
	number     int // of the newest message
	acked      int
	ids        map[string]bool // of this connection
	unanswered []byte          // Ping whose Pong is held back
	out        []byte          // confirmations, until the reader would block
	ended      bool            // with another one; under Mistaken.mutex
}

func (m *Mistaken) serve(socket net.Conn) {
	c := &mistakenConn{m: m, socket: socket, ids: map[string]bool{}}
	defer func() { _ = socket.Close() }()
	reader := bufio.NewReader(socket)
	if !c.upgrade(reader) {
		return
	}
	c.frames = frameReader{src: reader, idle: c.idle, bare: m.is(TakesBareFrames)}
	m.mutex.Lock()
	m.conns = append(m.conns, c)
	if m.is(GoesOnCounting) {
		c.number, c.acked, m.leftover = m.leftover, m.leftover, 0
	}
	m.mutex.Unlock()
	if m.is(SendsPongsUnasked) {
		c.write(appendFrame(nil, opPong, []byte("hello")))
	}
	clean := c.loop()
	m.mutex.Lock()
	m.conns = slices.DeleteFunc(m.conns, func(other *mistakenConn) bool { return other == c })
	if !clean && c.number < 10 { // not one of those that send much, which may end like that
		m.leftover = c.number
	}
	if !clean && !c.ended && m.is(EndsAllConnections) {
		for _, other := range m.conns {
			other.ended = true
			_ = other.socket.Close()
		}
	}
	m.mutex.Unlock()
	if c.number >= turnMessages && m.is(ServesOneAtATime) {
		m.turn.Unlock()
	}
}

// upgrade answers the request, and reports whether there is a connection.
func (c *mistakenConn) upgrade(reader *bufio.Reader) bool {
	request, err := http.ReadRequest(reader)
	if err != nil {
		return false
	}
	if token := c.m.mistake.Token; token != "" && request.Header.Get("Authorization") != "Bearer "+token && !c.m.is(TakesAnyToken) {
		c.write(response(request, http.StatusUnauthorized, nil, ""))
		return false
	}
	key := request.Header.Get("Sec-Websocket-Key")
	if c.m.is(AnswersWithAWrongKey) {
		key = "x" + key
	}
	answer := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + acceptKey(key) + "\r\n"
	c.mode = c.m.mistake.Ack
	offered := hasToken(request.Header, "Sec-WebSocket-Protocol", protocol.Subprotocol)
	if offered && !c.m.is(PicksNoSubprotocol) || c.m.is(PicksWhatWasNotOffered) {
		answer += "Sec-WebSocket-Protocol: " + protocol.Subprotocol + "\r\n"
	}
	deflate := strings.Contains(request.Header.Get("Sec-Websocket-Extensions"), "permessage-deflate")
	switch {
	case deflate && c.m.is(KeepsTheWindow):
		answer += "Sec-WebSocket-Extensions: permessage-deflate\r\n"
	case deflate && c.m.is(CannotInflate):
		answer += "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"
	}
	return c.write([]byte(answer + "\r\n"))
}

func (c *mistakenConn) write(raw []byte) bool {
	_ = c.socket.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := c.socket.Write(raw)
	return err == nil
}

// loop takes frames until the end, and reports whether there was a close handshake.
func (c *mistakenConn) loop() (clean bool) {
	for {
		f, err := c.frames.next()
		if violation, ok := errors.AsType[*protocolError](err); ok {
			c.goodbye(violation.code)
			return true
		}
		if err != nil {
			if c.m.is(StoresHalfMessages) && c.opcode != 0 {
				c.m.store("", c.partial)
			}
			return false
		}
		switch f.opcode {
		case opPing:
			c.ping(f.payload)
		case opPong:
		case opClose:
			c.idle()
			if !c.m.is(EndsWithoutAClose) {
				c.goodbye(1000)
			}
			return true
		default:
			if over := c.fragment(f); over {
				return true
			}
		}
	}
}

// goodbye sends what is due, and a Close frame.
func (c *mistakenConn) goodbye(code int) {
	c.idle()
	if code == closeTooBig && c.m.is(CutsLongMessages) {
		return
	}
	c.write(appendFrame(nil, opClose, closePayload(code, "")))
	if tcp, ok := c.socket.(*net.TCPConn); ok && tcp.CloseWrite() == nil {
		_ = c.socket.SetReadDeadline(time.Now().Add(drainTimeout))
		_, _ = io.Copy(io.Discard, c.socket)
	}
}

func (c *mistakenConn) ping(payload []byte) {
	numbered := len(payload) == 8
	switch {
	case c.m.is(CountsPings):
		c.number++
	case c.m.is(AnswersNoPingInside) && c.opcode != 0:
		return
	case c.m.is(AnswersNoPingAtFirst) && c.number == 0:
		return
	case c.m.is(SendsEmptyPongs):
		payload = nil
	case c.m.is(AnswersInAnotherOrder) && numbered && binary.BigEndian.Uint64(payload)%2 == 0:
		c.unanswered = slices.Clone(payload)
		return
	}
	c.out = appendFrame(c.out, opPong, payload)
	if c.unanswered != nil {
		c.out = appendFrame(c.out, opPong, c.unanswered)
		c.unanswered = nil
	}
}

// fragment joins a message, and reports whether the connection is over.
func (c *mistakenConn) fragment(f frame) (over bool) {
	if f.opcode != opContinuation {
		c.opcode, c.partial, c.fragments = f.opcode, nil, 0
	}
	c.partial = append(c.partial, f.payload...)
	c.fragments++
	if !f.fin {
		if c.fragments == 1 && c.m.is(AcksTheFirstFragment) {
			c.out = c.appendReply(c.out, protocol.Reply{Ack: uint64(c.number + 1)})
			c.acked = c.number + 1
		}
		return false
	}
	opcode := c.opcode
	c.opcode = 0
	return c.message(opcode, c.partial)
}

// message takes a message, and reports whether the connection is over.
func (c *mistakenConn) message(opcode byte, message []byte) (over bool) {
	longest := MistakenMaxBytes
	if c.m.is(TakesShortMessagesOnly) {
		longest /= 2
	}
	switch {
	case len(message) > longest:
		c.goodbye(closeTooBig)
		return true
	case opcode == opText && !utf8.Valid(message) && !c.m.is(TakesAnyText):
		c.goodbye(closeInvalidData)
		return true
	case len(message) == 0 && c.m.is(CountsNoEmptyMessages):
		return false
	case c.mode == "forward":
		return c.request(message)
	case opcode == opBinary && c.m.is(IgnoresBinary):
		return false
	case opcode == opBinary:
		c.goodbye(1003)
		return true
	}
	c.number++
	if c.m.is(CountsFragments) {
		c.number += c.fragments - 1
	}
	c.turns()
	if over = c.records(message); over {
		return true
	}
	if c.m.is(AcksEachMessage) {
		c.ack()
	}
	return false
}

// turns are mistakes with many messages.
func (c *mistakenConn) turns() {
	switch {
	case c.m.is(StopsReadingForGood) && c.number == manyMessages:
		c.idle()
		c.frames.src = stalled{c.socket}
	case c.m.is(ServesOneAtATime) && c.number == turnMessages:
		c.m.turn.Lock()
	case c.m.is(ServesOneAtATime) && c.number < turnMessages:
		c.m.turn.Lock() // waits for the one that has the turn
		c.m.turn.Unlock()
	}
}

// stalled does not read until the connection ends.
type stalled struct{ socket net.Conn }

func (s stalled) Read([]byte) (int, error) {
	// A write of nothing fails once the connection is closed by this side.
	for s.socket.SetWriteDeadline(time.Time{}) == nil {
		time.Sleep(killPoll)
	}
	return 0, io.EOF
}

// records takes the records of a message, and reports whether the connection is over.
func (c *mistakenConn) records(message []byte) (over bool) {
	var bad []int
	var good [][]byte
	lines := strings.Split(strings.TrimSuffix(string(message), "\n"), "\n")
	for i, line := range lines {
		if c.mode == "message" && !json.Valid([]byte(line)) {
			bad = append(bad, i)
			continue
		}
		good = append(good, []byte(line))
	}
	switch {
	case len(bad) > 0 && len(message) > 0 && c.m.is(ClosesOverABadRecord):
		c.goodbye(1011)
		return true
	case len(bad) > 0 && c.m.is(ConfirmsWhatItDrops):
		bad = nil
	case len(bad) > 0 && (c.m.is(StoresNoneOfABadMessage) || c.m.is(RefusesWholeMessages)):
		good = nil
	}
	for _, line := range good {
		id := idOf(line)
		if id != "" && c.ids[id] && c.m.is(ConfirmsNoDuplicates) {
			c.number--
		}
		c.ids[id] = true
		c.m.store(id, line)
	}
	if len(bad) == 0 {
		return false
	}
	c.refuse(bad, len(lines), lines[bad[0]])
	return false
}

// refuse sends a nack.
func (c *mistakenConn) refuse(bad []int, total int, record string) {
	nack := protocol.Reply{Nack: uint64(c.number), Reason: "not JSON", Records: bad}
	switch {
	case c.m.is(CountsFromTwo):
		nack.Nack++
	case c.m.is(CountsRecordsFromOne) && total > 1:
		nack.Records = []int{bad[0] + 1}
	case c.m.is(AsksForBadRecordsAgain):
		nack.Retry = true
	case c.m.is(QuotesTheRecord):
		nack.Reason = "not JSON: " + record
	case c.m.is(RefusesWholeMessages):
		nack.Records = nil
	}
	if c.m.is(NacksTooLate) {
		c.ack()
	}
	c.out = c.appendReply(c.out, nack)
}

func idOf(line []byte) string {
	var event struct {
		Metadata struct {
			ID string `json:"_id"`
		} `json:"@metadata"`
	}
	_ = json.Unmarshal(line, &event) // without an id, each record is a new one
	return event.Metadata.ID
}

// request takes a request of Fluent Forward.
func (c *mistakenConn) request(message []byte) (over bool) {
	c.number++
	chunk, err := forward.RequestChunk(message)
	if err != nil || c.m.is(KnowsOneForwardMode) && !isPacked(message) {
		c.goodbye(closeInvalidData)
		return true
	}
	c.m.store(chunk, message)
	switch {
	case chunk == "" && !c.m.is(ConfirmsWithoutAChunk):
		return false
	case c.m.is(ChangesTheChunk):
		chunk = strings.ToLower(chunk)
	}
	c.out = appendFrame(c.out, opBinary, forward.AppendAck(nil, chunk))
	return false
}

// isPacked reports whether the entries of a request are MessagePack's bin, behind a tag of
// less than 32 bytes.
func isPacked(request []byte) bool {
	tag := int(request[1] & 0x1f)
	return request[0] == 0x93 && request[2+tag]&0xfc == 0xc4
}

// idle runs before a read that may block: what is due goes out.
func (c *mistakenConn) idle() {
	if c.mode == "message" && c.number > c.acked {
		c.due()
	}
	if len(c.out) > 0 {
		to := c
		if c.m.is(ConfirmsToTheNewest) {
			c.m.mutex.Lock()
			if len(c.m.conns) > 0 {
				to = c.m.conns[len(c.m.conns)-1]
			}
			c.m.mutex.Unlock()
		}
		to.write(c.out)
		c.out = nil
	}
}

// due appends an ack, sooner or later.
func (c *mistakenConn) due() {
	switch {
	case c.m.is(WaitsForMore) && c.number <= 3:
		time.Sleep(1200 * time.Millisecond)
	case c.m.is(StoresSlowlyAndSilently) && c.number == 3:
		time.Sleep(6500 * time.Millisecond)
	}
	c.ack()
}

func (c *mistakenConn) ack() {
	number := c.number
	switch {
	case c.m.is(AcksTheDifference):
		number = c.number - c.acked
	case c.m.is(CountsFromZero):
		number--
	}
	c.acked = c.number
	if c.m.is(PausesWithANumber) {
		c.out = appendFrame(c.out, opText, []byte(`{"pause":5}`))
	}
	c.out = c.appendReply(c.out, protocol.Reply{Ack: uint64(number)})
	if c.m.is(RepeatsAcks) {
		c.out = c.appendReply(c.out, protocol.Reply{Ack: uint64(number)})
	}
}

func (c *mistakenConn) appendReply(to []byte, reply protocol.Reply) []byte {
	text := protocol.AppendReply(nil, reply)
	switch {
	case reply.Ack == 0 && reply.Nack == 0:
		text = []byte(`{"ack":0}`)
	case reply.Ack > 0 && c.m.is(AcksWithText):
		text = fmt.Appendf(nil, `{"ack":"%d"}`, reply.Ack)
	case c.m.is(AcksInBinary):
		return appendFrame(to, opBinary, text)
	case c.m.is(MasksItsFrames):
		return append(append(to, 0x81, 0x80|byte(len(text)), 0, 0, 0, 0), text...)
	}
	return appendFrame(to, opText, text)
}
