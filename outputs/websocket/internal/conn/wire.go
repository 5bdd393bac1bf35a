// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"filebeat-websocket/protocol/frames"
)

// Traffic counts the bytes that cross the socket. Its methods are called by the reading
// and the writing goroutine.
type Traffic interface {
	// MessageBytes counts the payload bytes of the data messages in a write, before
	// and after compression.
	MessageBytes(before, after int)
	ReadBytes(bytes int)
	WriteBytes(bytes int)
}

// maxUpgradeBytes limits what is read before the upgrade is done: the library does not
// limit the header of the answer.
const maxUpgradeBytes = 64 << 10

var errUpgradeTooLong = errors.New("the answer to the upgrade request is longer than 64 KiB")

// farewellWriteTimeout ends the write of a last Close frame from the reading
// goroutine. The connection ends right after it.
const farewellWriteTimeout = time.Second

// closeFrameTimeout ends a write that is under way when Close is called, and
// after that the write of the Close frame.
const closeFrameTimeout = 250 * time.Millisecond

var errCloseSent = errors.New("the connection is closing")

// wire is the socket as both the library and this package write to it. Every
// Write is a run of whole frames, so frames never mix.
type wire struct {
	net.Conn
	socket  net.Conn // under TLS, or the same as Conn
	traffic Traffic
	// These belong to the reading goroutine.
	answer   *answerReader  // until it was read
	switched bool           // frames follow the answer
	frames   frames.Checker // of them
	violated error          // what the server did

	upgraded  atomic.Bool
	upgradeIn int // bytes read before the upgrade was done

	closing    atomic.Bool // Close was called: every write ends within closeFrameTimeout
	writeMutex sync.Mutex  // held around every socket write after the upgrade
	// stopped is why nothing more may be written: a Close frame went out (RFC 6455
	// 5.5.1), or a write failed, maybe in the middle of a frame. Guarded by
	// writeMutex.
	stopped error
}

func (w *wire) Read(p []byte) (int, error) {
	if w.violated != nil {
		return 0, w.violated
	}
	if w.answer == nil {
		n, err := w.readSocket(p)
		return w.checked(p[:n], err)
	}
	isHeader := w.answer.inHeader()
	n, err := w.answer.Read(p)
	w.switched = w.answer.switched
	if w.answer.passed() {
		w.answer = nil
	}
	if isHeader {
		return n, err
	}
	return w.checked(p[:n], err)
}

// ViolationError is that the server broke RFC 6455.
type ViolationError struct{ Fault frames.Fault }

func (e *ViolationError) Error() string { return "the server broke the protocol: " + e.Fault.Reason }

// checked passes on frames that were read, as far as they keep to the protocol.
func (w *wire) checked(read []byte, err error) (int, error) {
	if !w.switched {
		return len(read), err
	}
	before, fault := w.frames.Check(read)
	if fault == nil {
		return before, err
	}
	if w.violated = (&ViolationError{*fault}); before == 0 {
		return 0, w.violated
	}
	return before, nil // the error comes with the next read
}

// socketReader reads what crosses the socket, as it is.
type socketReader struct{ wire *wire }

func (r socketReader) Read(p []byte) (int, error) { return r.wire.readSocket(p) }

func (w *wire) readSocket(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	w.traffic.ReadBytes(n)
	if !w.upgraded.Load() {
		if w.upgradeIn += n; w.upgradeIn > maxUpgradeBytes {
			return 0, errUpgradeTooLong
		}
	}
	return n, err
}

// Write is how the library writes to the socket. After the upgrade it only writes a
// last control frame before it reports an error. That frame is skipped if a write is
// under way, because the reader must not wait for a slow peer.
func (w *wire) Write(p []byte) (int, error) {
	if !w.upgraded.Load() {
		n, err := w.Conn.Write(p)
		w.traffic.WriteBytes(n)
		if err != nil {
			err = w.reason(err)
		}
		return n, err
	}
	if !w.writeMutex.TryLock() {
		return len(p), nil
	}
	defer w.writeMutex.Unlock()
	return len(p), w.writeLastLocked(p, farewellWriteTimeout)
}

// reason returns why the upgrade request could not be written, if the server sent an
// alert. With TLS 1.3 a server checks the client's certificate after the client has
// finished the handshake: it sends an alert and closes the connection, maybe before
// the request is written.
func (w *wire) reason(err error) error {
	if w.Conn == w.socket || interrupted(err) {
		return err
	}
	if _, alert := w.Conn.Read(make([]byte, 1)); alert != nil && strings.Contains(alert.Error(), "remote error: tls: ") {
		return alert
	}
	return err
}

// SetWriteDeadline does nothing after the upgrade, so that the library does not move the
// deadline of a write that is under way in another goroutine.
func (w *wire) SetWriteDeadline(t time.Time) error {
	if w.upgraded.Load() {
		return nil
	}
	return w.Conn.SetWriteDeadline(t)
}

// hurry ends a write that is under way after closeFrameTimeout. A writer sets its own
// deadline before it checks closing. So either it sees closing, or its deadline was
// set earlier and is overwritten here.
func (w *wire) hurry() {
	w.closing.Store(true)
	// If this fails, the write keeps the deadline that it has.
	_ = w.Conn.SetWriteDeadline(time.Now().Add(closeFrameTimeout))
}

func (w *wire) writableLocked() bool { return w.stopped == nil }

func (w *wire) writeLocked(p []byte, timeout time.Duration) error {
	if w.stopped != nil {
		return w.stopped
	}
	err := w.Conn.SetWriteDeadline(time.Now().Add(timeout))
	if w.closing.Load() {
		err = w.Conn.SetWriteDeadline(time.Now().Add(min(timeout, closeFrameTimeout)))
	}
	if err == nil {
		var written int
		written, err = w.Conn.Write(p)
		w.traffic.WriteBytes(written)
	}
	w.stopped = err
	return err
}

// writeLastLocked writes a Close frame, unless one was written before.
func (w *wire) writeLastLocked(frame []byte, timeout time.Duration) error {
	err := w.writeLocked(frame, timeout)
	if err == nil {
		w.stopped = errCloseSent
	}
	return err
}

// Close closes the socket without TLS's close_notify, which would wait seconds for a
// peer that does not read.
func (w *wire) Close() error { return w.socket.Close() }
