// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"filebeat-websocket/protocol"
	"filebeat-websocket/receiver/decode"
)

// closeReasonBytes is what a Close frame has room for beside its code
// (RFC 6455 5.5).
const closeReasonBytes = 123

// pastDeadline is a read deadline at which a reader still gets what is buffered.
var pastDeadline = time.Unix(1, 0)

// conn is one connection. Its methods run on its reader goroutine unless their
// comments say otherwise.
type conn struct {
	handler *Handler
	ws      *websocket.Conn
	netConn net.Conn // under ws, as net/http had it
	peer    Peer
	cancel  context.CancelFunc
	replies *replies
	quit    chan struct{} // closed by the reader to end replyLoop
	number  uint64        // of the newest data message
	end     End

	mutex    sync.Mutex // for what follows, and the read deadline
	phase    phase
	draining bool // Shutdown has come
	lastTurn bool // the one message that may begin after drain, and be waited for, has begun
}

func newConn(h *Handler, ws *websocket.Conn, watched *watchedConn, cancel context.CancelFunc) *conn {
	c := &conn{handler: h, ws: ws, netConn: watched.Conn, cancel: cancel, quit: make(chan struct{})}
	c.replies = newReplies(ws.Subprotocol() == protocol.Subprotocol, h.commits)
	watched.beforeRead = c.flush
	return c
}

type phase int

const (
	betweenMessages phase = iota
	inMessage
	ending
)

// closing is an error that the client reads in a Close frame.
type closing struct {
	code   int
	reason string
	cause  error // nil if reason is all there is to say
}

func (e *closing) Error() string {
	if e.cause == nil {
		return e.reason
	}
	return e.reason + ": " + e.cause.Error()
}

func (e *closing) Unwrap() error { return e.cause }

func (c *conn) serve(ctx context.Context) {
	defer c.ws.Close() //nolint:errcheck // whatever it says, the connection is over
	// This runs inside of the reads below, so after the Consume of every message
	// that came before the Ping.
	c.ws.SetPingHandler(func(payload string) error {
		full := c.replies.add(reply{kind: replyPong, payload: payload})
		// The client waits for this Pong: commit what came before the Ping now, and not
		// only when the read buffer runs empty.
		if err := c.flush(); err != nil {
			return err
		}
		return c.waitRoom(ctx, full, false)
	})
	// gorilla would answer a Close frame before the messages that came before it.
	c.ws.SetCloseHandler(func(int, string) error { return nil })
	var replying sync.WaitGroup
	replying.Go(c.replyLoop)
	// When the connection is cut, the reader must not wait any longer.
	stop := context.AfterFunc(ctx, func() { c.replies.end(context.Cause(ctx), true) })
	c.handler.observed.opened(c.peer)
	err := c.handshake()
	if err == nil {
		err = c.readLoop(ctx)
	}
	c.finish(err)
	stop()
	close(c.quit)
	replying.Wait()
	uncommitted, refusals := c.replies.close()
	c.handler.commits.release(uncommitted)
	c.end.Refused = refusals
	c.handler.observed.closed(c.peer, c.end)
}

// readLoop returns the error that ends the connection. It reads nothing after
// an error, since gorilla panics on those who do.
func (c *conn) readLoop(ctx context.Context) error {
	for {
		frameType, r, err := c.ws.NextReader()
		if err != nil {
			return err
		}
		if err := c.message(ctx, frameType, r); err != nil {
			return err
		}
	}
}

func (c *conn) message(ctx context.Context, frameType int, r io.Reader) error {
	work, _ := workPool.Get().(*workspace)
	defer workPool.Put(work)
	c.beginMessage()
	data, err := readAll(r, work.data[:0], c.handler.options.MaxMessageBytes)
	work.data = data
	c.endMessage()
	if err != nil {
		return err
	}
	// gorilla leaves it to the application to check this, RFC 6455 8.1.
	if frameType == websocket.TextMessage && !utf8.Valid(data) {
		return &closing{code: websocket.CloseInvalidFramePayloadData, reason: "text message is not UTF-8"}
	}
	c.number++
	list := &work.records
	binary := frameType == websocket.BinaryMessage
	if unfit := c.decode(data, binary, list); unfit != nil {
		return c.refuse(ctx, &Refusal{Reason: unfit.reason}, unfit.code)
	}
	work.message = Message{
		Peer:         c.peer,
		Number:       c.number,
		Binary:       binary,
		Bytes:        len(data),
		Format:       list.Format(),
		Records:      list.Finish(),
		Chunks:       list.Chunks(),
		ChunkRecords: list.ChunkRecords(),
	}
	given := len(work.message.Records)
	since := c.handler.commits.failure.Load()
	c.replies.enter()
	err = c.handler.sink.Consume(ctx, &work.message)
	c.replies.leave()
	return c.consumed(ctx, Taken(err, given), list, len(data), since)
}

// finish waits until everything that the client is owed is written, sends the Close
// frame that err requires and fills in c.end.
func (c *conn) finish(err error) {
	c.mutex.Lock()
	c.phase = ending
	draining := c.draining
	c.mutex.Unlock()

	network, isNetwork := errors.AsType[net.Error](err)
	if draining && isNetwork && network.Timeout() { // gorilla hides os.ErrDeadlineExceeded
		err = &closing{code: websocket.CloseGoingAway, reason: "shutting down"}
	}
	cut := false
	if over := c.flush(); over != nil {
		err, cut = over, true // it made the reader end
	}
	over := c.replies.waitWritten()
	if _, ok := errors.AsType[*closing](over); ok {
		err = over // the last messages could not be committed
	}
	c.end.Cause = err
	goodbye, fromHere := errors.AsType[*closing](err)
	fromPeer, isFromPeer := errors.AsType[*websocket.CloseError](err)
	_, isNetwork = errors.AsType[net.Error](err)
	switch {
	case fromHere:
		c.end.CloseCode = goodbye.code
		if !c.sayGoodbye(goodbye.code, goodbye.reason) {
			return
		}
	case isFromPeer:
		c.end.CloseCode = fromPeer.Code
		// gorilla has 1006 for a connection that ended without a Close frame.
		if fromPeer.Code != websocket.CloseAbnormalClosure && !c.sayGoodbye(fromPeer.Code, "") {
			return
		}
	case cut || isNetwork:
		c.end.CloseCode = websocket.CloseAbnormalClosure
	default:
		c.end.CloseCode = websocket.CloseProtocolError // gorilla has sent it
	}
	c.linger()
}

func (c *conn) sayGoodbye(code int, reason string) bool {
	closeFrame := websocket.FormatCloseMessage(code, reason[:min(len(reason), closeReasonBytes)])
	return c.ws.WriteControl(websocket.CloseMessage, closeFrame, c.writeDeadline()) == nil
}

// linger sends FIN and waits for the client's. Closing at once, with bytes of the
// client still unread, would send an RST, which can overtake the Close frame.
func (c *conn) linger() {
	half, ok := c.netConn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	if c.netConn.SetReadDeadline(time.Now().Add(c.handler.options.CloseTimeout)) == nil {
		_, _ = io.Copy(io.Discard, c.netConn)
	}
}

// drain makes the reader end after what it has read. The deadline takes effect when
// the reader next asks the kernel for bytes, so buffered messages and Pings are still
// handled. It may be called from any goroutine.
func (c *conn) drain() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.draining {
		return
	}
	c.draining = true
	if c.phase == betweenMessages {
		c.setReadDeadline(pastDeadline)
	}
}

// interrupt makes the reader see that it should end. It runs on the committer's
// goroutine, after it was noted in c.replies. The reader looks there before each
// read, so it does not matter if beginMessage takes the deadline back.
func (c *conn) interrupt() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.phase != ending {
		c.setReadDeadline(pastDeadline)
	}
}

// beginMessage and endMessage keep drain's deadline out of the message under
// way. If drain was called after NextReader returned and before beginMessage, its
// deadline is in force already: beginMessage removes it, for this one message only,
// since a client that never pauses would otherwise never be closed.
func (c *conn) beginMessage() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.phase = inMessage
	if c.draining && !c.lastTurn {
		c.lastTurn = true
		c.setReadDeadline(time.Time{})
	}
}

func (c *conn) endMessage() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.phase = betweenMessages
	if c.draining {
		c.lastTurn = true
		c.setReadDeadline(pastDeadline)
	}
}

// setReadDeadline fails only on a closed connection, where the next read says so.
func (c *conn) setReadDeadline(t time.Time) { _ = c.netConn.SetReadDeadline(t) }

// cut ends the connection at once.
func (c *conn) cut() {
	c.cancel()
	_ = c.netConn.Close()
}

// workspace is the memory for one message. A connection holds one only while a
// message is read, decoded and consumed, so idle connections hold none.
type workspace struct {
	data    []byte
	records decode.Records
	message Message
}

var workPool = sync.Pool{New: func() any { return &workspace{data: make([]byte, 0, 4<<10)} }}

// readAll appends all of r to buf, at most limit bytes. The limit is on what r
// returns, not on what came over the wire.
func readAll(r io.Reader, buf []byte, limit int64) ([]byte, error) {
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if int64(len(buf)) > limit {
			return buf, &closing{code: websocket.CloseMessageTooBig, reason: fmt.Sprintf("message is longer than %d bytes", limit)}
		}
		switch {
		case errors.Is(err, io.EOF) && n > 0:
			// gorilla passes on an EOF that a TLS connection returns together with
			// its last bytes, also in the middle of a fragmented message. The next
			// Read tells the end of the message (io.EOF) from that of the connection.
		case errors.Is(err, io.EOF):
			return buf, nil
		case err != nil:
			return buf, err
		}
	}
}
