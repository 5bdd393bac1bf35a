// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"filebeat-websocket/protocol"
	"filebeat-websocket/protocol/frames"
	"filebeat-websocket/receiver/budget"
	"filebeat-websocket/receiver/decode"
	"filebeat-websocket/receiver/internal/watched"
)

// closeReasonBytes is what a Close frame has room for beside its code
// (RFC 6455 5.5).
const closeReasonBytes = 123

const (
	// messageTimeout is how long a message may take from its first byte to its last.
	messageTimeout = time.Minute
	// inflaterBytes is what gorilla holds for a compressed message: the window and the
	// tables of compress/flate.
	inflaterBytes = 44 << 10
)

// pastDeadline is a read deadline at which a reader still gets what is buffered.
var pastDeadline = time.Unix(1, 0)

// conn is one connection. Its methods run on its reader goroutine unless their
// comments say otherwise.
type conn struct {
	handler *Handler
	ws      *websocket.Conn
	netConn net.Conn // under ws, as net/http had it
	client  *Client
	cancel  context.CancelFunc
	replies *replies
	quit    chan struct{} // closed by the reader to end replyLoop
	number  uint64        // of the newest data message

	frames frames.Checker
	handed Message // to the Sink, only while it consumes

	buffer   *budget.Buffer // empty between messages, unless the next one was read already
	inflates bool           // the client may send compressed messages
	overdue  time.Time      // when the message under way has to be complete; zero if it was not waited for

	mutex    sync.Mutex // for what follows, and the read deadline
	phase    phase
	draining string // why the connection is to end after what was read; empty before
	lastTurn bool   // the one message that may begin after drain, and be waited for, has begun
}

func newConn(h *Handler, ws *websocket.Conn, watch *watched.Conn, client *Client, cancel context.CancelFunc) *conn {
	c := &conn{handler: h, ws: ws, netConn: watch.Conn, client: client, cancel: cancel, quit: make(chan struct{})}
	c.buffer = client.Buffer()
	c.replies = newReplies(ws.Subprotocol() == protocol.Subprotocol, h.intake)
	watch.BeforeRead = c.beforeRead
	watch.AfterRead = c.afterRead
	c.frames.Limit = h.options.MaxMessageBytes
	client.GivesWay(h.idleTimeout/leavingFraction, c.giveWay)
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
	code   protocol.CloseCode
	reason string
	cause  error // nil if reason is all there is to say
}

func (e *closing) Error() string {
	if e.cause == nil || e.cause.Error() == e.reason {
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
		return c.waitRoom(ctx, wait{full: full})
	})
	// gorilla would answer a Close frame before the messages that came before it.
	c.ws.SetCloseHandler(func(int, string) error { return nil })
	var replying sync.WaitGroup
	replying.Go(c.replyLoop)
	// When the connection is cut, the reader must not wait any longer.
	stop := context.AfterFunc(ctx, func() { c.replies.end(context.Cause(ctx), true) })
	evicted := context.AfterFunc(c.client.Context(), c.evict)
	defer evicted()
	c.handler.intake.observed.opened(c.client.peer)
	err := c.handshake()
	if err == nil {
		err = c.readLoop(ctx)
	}
	c.buffer.Free()
	c.finish(err)
	stop()
	close(c.quit)
	replying.Wait()
	uncommitted, refusals := c.replies.close()
	c.handler.intake.commits.Release(uncommitted)
	c.client.end.Refused = refusals
	c.handler.intake.observed.closed(c.client.peer, c.client.end)
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
	data, err := c.read(r)
	if err != nil {
		return err
	}
	// gorilla leaves it to the application to check this, RFC 6455 8.1.
	if frameType == websocket.TextMessage && !utf8.Valid(data) {
		return &closing{code: protocol.CloseInvalidData, reason: "text message is not UTF-8"}
	}
	c.number++
	binary := frameType == websocket.BinaryMessage
	var room wait
	err = c.client.Decode(c.handler.decoder, data, binary, func(list *decode.Records, problem error) (err error) {
		defer c.buffer.Reset()
		if unfit := c.unfit(problem, list); unfit != nil {
			room, err = c.refuse(&Refusal{Reason: unfit.reason}, unfit.code)
			return err
		}
		room, err = c.consume(ctx, list, binary, len(data))
		return err
	})
	if err != nil {
		return c.closingOf(err)
	}
	return c.waitRoom(ctx, room)
}

// read reads a message. What it returns is valid until c.buffer is used again.
func (c *conn) read(r io.Reader) ([]byte, error) {
	c.beginMessage()
	defer c.endMessage()
	c.buffer.Reset()
	c.client.Begin()
	if c.inflates {
		if err := c.client.lease.Grow(inflaterBytes); err != nil {
			return nil, c.closingOf(err)
		}
		defer c.client.lease.Shrink(inflaterBytes)
	}
	if err := c.buffer.ReadAll(r, c.handler.options.MaxMessageBytes); err != nil {
		return nil, c.closingOf(err)
	}
	c.client.clock.Complete()
	return c.buffer.Bytes(), nil
}

// closingOf returns what the client is told of an error on the way of a message, if
// it is for it to know.
func (c *conn) closingOf(err error) error {
	network, isNetwork := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, budget.ErrShort):
		return &closing{code: protocol.CloseTryAgainLater, reason: err.Error()}
	case errors.Is(err, budget.ErrTooLong):
		long := &TooLongError{Limit: c.handler.options.MaxMessageBytes, Bytes: max(c.frames.Long(), int64(len(c.buffer.Bytes())))}
		return &closing{code: protocol.CloseTooBig, reason: long.Error(), cause: long}
	case frames.IsCorrupt(err):
		return &closing{code: protocol.CloseInvalidData, reason: "compressed message is corrupt", cause: err}
	case isNetwork && network.Timeout() && !c.overdue.IsZero() && !time.Now().Before(c.overdue):
		return &closing{code: protocol.ClosePolicyViolation, reason: fmt.Sprintf("message took longer than %v", c.handler.messageTimeout)}
	}
	return err
}

// beforeRead runs before each read that may block. Often it does not, for a client that
// sends more than can be handled: those that send little should not have to wait until
// each of its like has used up the 10 ms after which Go interrupts a goroutine.
func (c *conn) beforeRead() error {
	runtime.Gosched()
	switch {
	case c.phase == betweenMessages: // only this goroutine sets it
		c.buffer.Free()
	case c.phase == inMessage && c.overdue.IsZero():
		c.limitMessage()
	}
	if err := c.flush(); err != nil {
		return err
	}
	c.client.clock.Wait()
	return nil
}

// afterRead looks at what was read.
func (c *conn) afterRead(p []byte) (int, error) {
	c.client.clock.Heard()
	before, fault := c.frames.Check(p)
	if fault != nil {
		return before, &closing{code: fault.Code, reason: fault.Reason}
	}
	return before, nil
}

// evict ends a connection whose message costs too much memory. It runs on a
// goroutine of its own.
func (c *conn) evict() {
	if errors.Is(context.Cause(c.client.Context()), budget.ErrShort) {
		c.replies.end(c.closingOf(budget.ErrShort), false)
		c.interrupt()
	}
}

// finish waits until everything that the client is owed is written, sends the Close
// frame that err requires and fills in c.end.
func (c *conn) finish(err error) {
	c.mutex.Lock()
	c.phase = ending
	draining := c.draining
	c.mutex.Unlock()

	network, isNetwork := errors.AsType[net.Error](err)
	if draining != "" && isNetwork && network.Timeout() { // gorilla hides os.ErrDeadlineExceeded
		err = &closing{code: protocol.CloseGoingAway, reason: draining}
	}
	cut := false
	if over := c.flush(); over != nil {
		err, cut = over, true // it made the reader end
	}
	over := c.replies.waitWritten()
	if _, ok := errors.AsType[*closing](over); ok {
		err = over // the last messages could not be committed
	}
	c.client.end.Cause = err
	goodbye, fromHere := errors.AsType[*closing](err)
	fromPeer, isFromPeer := errors.AsType[*websocket.CloseError](err)
	_, isNetwork = errors.AsType[net.Error](err)
	switch {
	case fromHere:
		c.client.end.CloseCode = goodbye.code
		if !c.sayGoodbye(goodbye.code, goodbye.reason) {
			return
		}
	case isFromPeer:
		c.client.end.CloseCode = protocol.CloseCode(fromPeer.Code)
		// gorilla has 1006 for a connection that ended without a Close frame.
		if c.client.end.CloseCode != protocol.CloseAbnormal && !c.sayGoodbye(c.client.end.CloseCode, "") {
			return
		}
	case cut || isNetwork:
		c.client.end.CloseCode = protocol.CloseAbnormal
	default:
		c.client.end.CloseCode = protocol.CloseProtocolError // gorilla has sent it
	}
	c.linger()
}

func (c *conn) sayGoodbye(code protocol.CloseCode, reason string) bool {
	closeFrame := websocket.FormatCloseMessage(int(code), reason[:min(len(reason), closeReasonBytes)])
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
// handled. The client reads why in the Close frame. It may be called from any goroutine.
func (c *conn) drain(why string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.draining != "" {
		return
	}
	c.draining = why
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
	c.phase, c.overdue = inMessage, time.Time{}
	if c.draining != "" && !c.lastTurn {
		c.lastTurn = true
		c.setReadDeadline(time.Time{})
	}
}

func (c *conn) endMessage() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.phase = betweenMessages
	switch {
	case c.draining != "":
		c.lastTurn = true
		c.setReadDeadline(pastDeadline)
	case !c.overdue.IsZero():
		c.setReadDeadline(time.Time{})
	}
}

// limitMessage bounds the time for the message under way, of which there is more to
// come. While the connection drains, Shutdown's does. An interrupt that comes before
// is overwritten, but seen by the flush that follows.
func (c *conn) limitMessage() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.overdue = time.Now().Add(c.handler.messageTimeout)
	if c.draining == "" {
		c.setReadDeadline(c.overdue)
	}
}

// setReadDeadline fails only on a closed connection, where the next read says so.
func (c *conn) setReadDeadline(t time.Time) { _ = c.netConn.SetReadDeadline(t) }

// cut ends the connection at once.
func (c *conn) cut() {
	c.cancel()
	_ = c.netConn.Close()
}
