// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"filebeat-websocket/protocol/forward"
	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/budget"
	"filebeat-websocket/receiver/decode"
)

// readBufferBytes is the length of the buffer in which requests begin.
const readBufferBytes = 16 << 10

var (
	// ErrTooLong is in the Cause of the Refusal of a request that is longer than
	// Options.MaxRequestBytes, or whose entries are.
	ErrTooLong = errors.New("too long")

	errShutdown   = errors.New("shutting down")
	errNotForward = errors.New("not Fluent Forward")
	errTimeout    = errors.New("request took too long")
	errIdle       = errors.New("idle, and its place is needed")

	pastDeadline = time.Unix(1, 0)
)

// conn is one connection. Its methods run on its reader's goroutine unless their
// comments say otherwise.
type conn struct {
	server *Server
	net    net.Conn
	in     *bufio.Reader
	client *receiver.Client
	buffer *budget.Buffer
	user   string
	acks   *acks

	confirms atomic.Bool // the client has asked for confirmations, so it sends again what gets none

	admitted bool // Options.Admitted has been called

	mutex    sync.Mutex
	inside   bool  // a request has begun
	overdue  bool  // it has a deadline
	draining bool  // Shutdown has come, or the connection is too old
	over     error // why the reader has to end
}

func newConn(s *Server, netConn net.Conn) *conn {
	return &conn{server: s, net: netConn, in: bufio.NewReaderSize(netConn, readBufferBytes)}
}

func (c *conn) serve(ctx context.Context) {
	defer c.net.Close() //nolint:errcheck // the connection is over in any case
	// When the connection is cut, neither reads nor writes must wait any longer.
	stop := context.AfterFunc(ctx, func() { _ = c.net.Close() })
	defer stop()
	if err := c.greet(ctx); err != nil {
		if !errors.Is(err, ErrDenied) && !errors.Is(err, errSilent) { // Options.Refused knows of ErrDenied
			c.refused(ctx, err)
		}
		return
	}
	// A connection that has sent nothing, such as a heartbeat, does not count as a client.
	if _, err := c.in.Peek(1); err != nil {
		return
	}
	client, err := c.server.intake.Join(ctx, c.net.RemoteAddr().String())
	if err != nil {
		c.refused(ctx, err)
		return
	}
	c.client, c.buffer = client, client.Buffer()
	if c.server.options.Sender != nil {
		client.Identify(c.server.options.Sender(c.net, c.user))
	}
	// There is too little memory, and this client has cost most: bytes times age.
	evicted := context.AfterFunc(client.Context(), func() { c.end(context.Cause(client.Context())) })
	defer evicted()
	client.GivesWay(c.server.idleTimeout, func() { c.end(errIdle) })
	c.acks = newAcks(c.net, client.Tab(), client.Confirmed)
	var writing sync.WaitGroup
	writing.Go(c.acks.writeLoop)
	err = c.readLoop(ctx)
	c.buffer.Free()
	client.Heard()
	if failed := c.acks.finish(); failed != nil && err == nil {
		err = failed
	}
	writing.Wait()
	if err != nil {
		c.linger()
	}
	client.Leave(err)
}

// linger sends FIN and waits for the client's. Closing at once, with bytes of the client
// still unread, would send an RST, which can overtake the confirmations.
func (c *conn) linger() {
	half, ok := c.net.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	c.mutex.Lock()
	err := c.net.SetReadDeadline(time.Now().Add(c.server.closeTimeout))
	c.mutex.Unlock()
	if err == nil {
		_, _ = io.Copy(io.Discard, c.net)
	}
}

// readLoop returns why the connection ends, nil if the client closed it.
func (c *conn) readLoop(ctx context.Context) error {
	scanner := forward.NewScanner(int(c.server.options.MaxRequestBytes))
	for {
		if len(c.buffer.Bytes()) == 0 {
			if err := c.begin(); err != nil {
				return c.causeOf(err)
			}
		} else if c.in.Buffered() == 0 {
			c.limitRequest()
			c.client.Waits()
		}
		// Short reads come from bufio's buffer, long ones directly from the connection.
		if err := c.buffer.ReadSome(c.in); err != nil {
			return c.causeOf(err)
		}
		c.client.Heard()
		some, err := c.requests(ctx, scanner)
		if err == nil && some && c.isDraining() {
			err = errShutdown // otherwise a client that never pauses would never be closed
		}
		if err != nil {
			return c.causeOf(err)
		}
	}
}

// requests takes the complete requests in the buffer, and leaves the rest. It reports
// whether there were any.
func (c *conn) requests(ctx context.Context, scanner *forward.Scanner) (some bool, err error) {
	rest := c.buffer.Bytes()
	for {
		length, err := scanner.Scan(rest)
		if errors.Is(err, forward.ErrTooLong) {
			reason := fmt.Sprintf("request is longer than %d bytes", c.server.options.MaxRequestBytes)
			refusal := &receiver.Refusal{Reason: reason, Cause: ErrTooLong}
			c.client.Refused(refusal)
			return some, refusal
		}
		if err == nil && len(rest) > 0 && !isRequest(rest[0]) {
			err = errNotForward
		}
		if err != nil {
			c.client.Refused(&receiver.Refusal{Reason: err.Error()})
			return some, err
		}
		if length == 0 {
			break
		}
		some = true
		value := rest[:length:length]
		rest = rest[length:]
		if value[0] == heartbeatValue {
			continue
		}
		if err := c.request(ctx, value); err != nil {
			return some, err
		}
	}
	if len(rest) == 0 {
		c.buffer.Reset()
	} else {
		c.buffer.Discard(len(c.buffer.Bytes()) - len(rest))
	}
	return some, nil
}

const heartbeatValue = 0xC0 // nil

// isRequest reports whether a value with this first byte can be a request or a heartbeat:
// an array or nil. Without it each byte of a text such as HTTP would be a value.
func isRequest(first byte) bool {
	return first == heartbeatValue || first&0xF0 == 0x90 || first == 0xDC || first == 0xDD
}

// request hands one request to the Sink.
func (c *conn) request(ctx context.Context, value []byte) error {
	err := c.client.Decode(c.server.decoder, value, true, func(list *decode.Records, problem error) error {
		if problem != nil {
			c.client.Refused(refusalOf(problem))
			return nil // the next request may be good
		}
		var chunks []string
		if !c.server.options.NoAcks {
			chunks = list.ChunkIDs()
		}
		m := receiver.Message{
			Binary:       true,
			Bytes:        len(value),
			Format:       list.Format(),
			Records:      list.Finish(),
			Chunks:       list.Chunks(),
			ChunkRecords: list.ChunkRecords(),
		}
		return c.take(ctx, &m, chunks)
	})
	if err != nil {
		return err
	}
	c.admit()
	return c.acks.waitRoom()
}

// take hands m on. Its chunks are confirmed if all of it is stored. If the Sink asks for a
// retry, take returns an error that ends the connection, so that the client sends it again.
func (c *conn) take(ctx context.Context, m *receiver.Message, chunks []string) error {
	if len(chunks) > 0 {
		c.confirms.Store(true)
	}
	r := c.acks.hold(chunks)
	outcome := c.client.Take(ctx, m, func(refused error) {
		r.settle(refused)
		if refusal, ok := errors.AsType[*receiver.Refusal](refused); refused != nil && (!ok || refusal.Retry) {
			c.end(refused)
		}
	})
	r.take(outcome)
	if outcome.Err != nil {
		c.client.Refused(&receiver.Refusal{Reason: "could not be stored", Retry: true, Cause: outcome.Err})
	}
	if outcome.Refusal != nil && !outcome.Refusal.Retry {
		return nil
	}
	return outcome.Reason()
}

// refusalOf returns the Refusal for a request that cannot be read.
func refusalOf(problem error) *receiver.Refusal {
	refusal := &receiver.Refusal{Reason: problem.Error()}
	if errors.Is(problem, decode.ErrTooLong) {
		refusal.Cause = ErrTooLong
	}
	return refusal
}

func (c *conn) admit() {
	if !c.admitted && c.server.options.Admitted != nil {
		c.server.options.Admitted(c.net)
	}
	c.admitted = true
}

// begin waits for the next request, and holds no memory while it waits.
func (c *conn) begin() error {
	c.buffer.Free()
	if err := c.setPhase(false); err != nil {
		return err
	}
	c.client.Waits()
	if _, err := c.in.Peek(1); err != nil {
		return err
	}
	c.client.Heard()
	c.client.Begin()
	return c.setPhase(true)
}

// setPhase notes whether a request is under way, and returns an error if none may begin.
func (c *conn) setPhase(inside bool) error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	switch {
	case c.over != nil:
		return c.over
	case !inside && c.draining:
		return errShutdown
	case c.overdue || c.draining: // drain may have been called after the first byte
		_ = c.net.SetReadDeadline(time.Time{}) // the next read returns what is wrong
	}
	c.inside, c.overdue = inside, false
	return nil
}

// limitRequest bounds the time for the rest of the request that is under way.
func (c *conn) limitRequest() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if !c.overdue && c.over == nil {
		c.overdue = true
		_ = c.net.SetReadDeadline(time.Now().Add(c.server.requestTimeout))
	}
}

// end makes the reader end. It may be called from any goroutine.
func (c *conn) end(why error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.over == nil {
		c.over = why
		_ = c.net.SetReadDeadline(pastDeadline)
	}
}

// retire is drain for a client that loses nothing by it: without confirmations, the
// requests that it is sending would be gone.
func (c *conn) retire() {
	if c.confirms.Load() {
		c.drain()
	}
}

// drain makes the reader end after the request that is under way. It may be called from
// any goroutine.
func (c *conn) drain() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.draining = true
	if !c.inside {
		_ = c.net.SetReadDeadline(pastDeadline)
	}
}

func (c *conn) isDraining() bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.draining
}

// causeOf returns what an error of the reader is about, nil if the client closed it.
func (c *conn) causeOf(err error) error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	isTimeout := errors.Is(err, os.ErrDeadlineExceeded)
	switch {
	case c.over != nil && (isTimeout || errors.Is(err, io.EOF)):
		return c.over
	case isTimeout && c.draining && !c.inside:
		return errShutdown
	case isTimeout:
		return errTimeout
	case errors.Is(err, io.EOF) && c.inside:
		return io.ErrUnexpectedEOF
	case errors.Is(err, io.EOF):
		return nil
	}
	return err
}
