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
)

// closeReasonBytes is what a Close frame has room for beside its code
// (RFC 6455 5.5).
const closeReasonBytes = 123

// past is a read deadline that lets a reader have what is buffered, and no more.
var past = time.Unix(1, 0)

// conn is one connection. All but drain and cut runs on its reader goroutine.
type conn struct {
	handler *Handler
	ws      *websocket.Conn
	info    Conn
	cancel  context.CancelFunc
	end     ConnEnd

	mu       sync.Mutex // for what follows, and the read deadline
	phase    phase
	draining bool // Shutdown has come
	lastTurn bool // the one message that may begin after drain, and be waited for, has begun
}

type phase int

const (
	betweenMessages phase = iota
	inMessage
	ending
)

// closing is an error that a Close frame tells the client.
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
	o := &c.handler.options
	// This runs inside of the reads below, so after the Consume of every message
	// that came before the Ping.
	c.ws.SetPingHandler(func(payload string) error {
		return c.ws.WriteControl(websocket.PongMessage, []byte(payload), time.Now().Add(o.WriteTimeout))
	})
	if o.OnOpen != nil {
		o.OnOpen(c.info)
	}
	c.finish(c.readLoop(ctx))
	if o.OnClose != nil {
		o.OnClose(c.info, c.end)
	}
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
	work := workPool.Get().(*workspace) //nolint:errcheck,forcetypeassert // the pool holds nothing else
	defer workPool.Put(work)
	c.beginMessage()
	data, err := readAll(r, work.message[:0], c.handler.options.MaxMessageBytes)
	work.message = data
	c.endMessage()
	if err != nil {
		return err
	}
	format := &c.handler.format
	if frameType == websocket.BinaryMessage && !format.binary {
		return &closing{code: websocket.CloseUnsupportedData, reason: "format " + c.handler.options.Format + " takes text messages"}
	}
	// gorilla leaves it to the application to check this, RFC 6455 8.1.
	if frameType == websocket.TextMessage && !utf8.Valid(data) {
		return &closing{code: websocket.CloseInvalidFramePayloadData, reason: "text message is not UTF-8"}
	}
	list := &work.records
	list.reset()
	if err := format.decode(message{data: data, binary: frameType == websocket.BinaryMessage}, list); err != nil {
		return &closing{code: websocket.CloseInvalidFramePayloadData, reason: err.Error()}
	}
	work.batch = Batch{
		Conn:          c.info,
		MessageNumber: c.end.Messages + 1,
		FrameType:     frameType,
		MessageBytes:  len(data),
		Records:       list.finish(),
	}
	if err := c.handler.options.Consume(ctx, &work.batch); err != nil {
		return &closing{code: websocket.CloseInternalServerErr, reason: fmt.Sprintf("message %d was not taken", work.batch.MessageNumber), cause: err}
	}
	c.end.Messages++
	c.end.Records += uint64(len(list.records))
	c.end.Bytes += uint64(len(data))
	return nil
}

// finish says goodbye as err demands and fills in c.end.
func (c *conn) finish(err error) {
	c.mu.Lock()
	c.phase = ending
	draining := c.draining
	c.mu.Unlock()

	var network net.Error
	if draining && errors.As(err, &network) && network.Timeout() { // gorilla hides os.ErrDeadlineExceeded
		err = &closing{code: websocket.CloseGoingAway, reason: "shutting down"}
	}
	c.end.Cause = err
	var goodbye *closing
	var fromPeer *websocket.CloseError
	switch {
	case errors.As(err, &goodbye):
		c.end.CloseCode = goodbye.code
		reason := goodbye.reason[:min(len(goodbye.reason), closeReasonBytes)]
		frame := websocket.FormatCloseMessage(goodbye.code, reason)
		if c.ws.WriteControl(websocket.CloseMessage, frame, time.Now().Add(c.handler.options.WriteTimeout)) != nil {
			return
		}
	case errors.As(err, &fromPeer):
		c.end.CloseCode = fromPeer.Code // gorilla has answered
	case errors.As(err, &network):
		c.end.CloseCode = websocket.CloseAbnormalClosure
	default:
		c.end.CloseCode = websocket.CloseProtocolError // gorilla has sent it
	}
	c.linger()
}

// linger sends FIN and waits for the client's. Closing at once would, with
// bytes of the client still unread, send an RST, and that can overtake the
// Close frame.
func (c *conn) linger() {
	netConn := c.ws.NetConn()
	half, ok := netConn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	if netConn.SetReadDeadline(time.Now().Add(c.handler.options.CloseTimeout)) == nil {
		_, _ = io.Copy(io.Discard, netConn)
	}
}

// drain makes the reader end after what it has read. The deadline strikes when
// it next asks the kernel for bytes, so buffered messages and Pings are still
// dealt with.
func (c *conn) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draining {
		return
	}
	c.draining = true
	if c.phase == betweenMessages {
		c.setReadDeadline(past)
	}
}

// beginMessage and endMessage keep drain's deadline out of the message under
// way. If drain came after NextReader returned and before beginMessage, its
// deadline is in force already: beginMessage takes it back, for this one message
// and no other, or a client that never pauses would never come to an end.
func (c *conn) beginMessage() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.phase = inMessage
	if c.draining && !c.lastTurn {
		c.lastTurn = true
		c.setReadDeadline(time.Time{})
	}
}

func (c *conn) endMessage() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.phase = betweenMessages
	if c.draining {
		c.lastTurn = true
		c.setReadDeadline(past)
	}
}

// setReadDeadline fails only on a closed connection, where the next read says so.
func (c *conn) setReadDeadline(t time.Time) { _ = c.ws.NetConn().SetReadDeadline(t) }

// cut ends the connection at once.
func (c *conn) cut() {
	c.cancel()
	_ = c.ws.NetConn().Close()
}

// workspace is what one message needs. It is only out of the pool while a
// message is being read, decoded and consumed, so idle connections hold none.
type workspace struct {
	message []byte
	records recordList
	batch   Batch
}

var workPool = sync.Pool{New: func() any { return &workspace{message: make([]byte, 0, 4<<10)} }}

// readAll appends all of r to buf, but not more than limit bytes. The limit is
// on what r gives, not on what came over the wire.
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
