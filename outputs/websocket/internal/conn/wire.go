// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Traffic is told of every byte that crosses the socket. Its methods are called
// from the reading and the writing goroutine.
type Traffic interface {
	ReadBytes(bytes int)
	WriteBytes(bytes int)
}

// maxUpgradeBytes bounds what is read before the upgrade is done: the library
// puts no limit on the header of the answer.
const maxUpgradeBytes = 64 << 10

var errUpgradeTooLong = errors.New("the answer to the upgrade request is longer than 64 KiB")

// libraryWriteTimeout is how long a control frame of the library's own (its
// answer to a protocol error) may take. The connection ends right after it.
const libraryWriteTimeout = time.Second

// wire is the socket as both the library and this package write to it. Every
// Write is a run of whole frames, so frames never mix.
type wire struct {
	net.Conn
	traffic Traffic

	upgraded   atomic.Bool
	upgradeIn  int        // bytes read before the upgrade was done
	writeMutex sync.Mutex // held around every socket write after the upgrade
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	w.traffic.ReadBytes(n)
	if !w.upgraded.Load() {
		if w.upgradeIn += n; w.upgradeIn > maxUpgradeBytes {
			return 0, errUpgradeTooLong
		}
	}
	return n, err
}

// Write is the library's way to the socket. Once the upgrade is done it writes
// only a last control frame before it reports an error: that one is left out
// when the writer is busy, because the reader must not wait for a slow peer.
func (w *wire) Write(p []byte) (int, error) {
	if !w.upgraded.Load() {
		n, err := w.Conn.Write(p)
		w.traffic.WriteBytes(n)
		return n, err
	}
	if !w.writeMutex.TryLock() {
		return len(p), nil
	}
	defer w.writeMutex.Unlock()
	return len(p), w.writeLocked(p, libraryWriteTimeout)
}

// SetWriteDeadline keeps the library from moving the deadline of a write that
// is under way in another goroutine.
func (w *wire) SetWriteDeadline(t time.Time) error {
	if w.upgraded.Load() {
		return nil
	}
	return w.Conn.SetWriteDeadline(t)
}

func (w *wire) writeLocked(p []byte, timeout time.Duration) error {
	if err := w.Conn.SetWriteDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	n, err := w.Conn.Write(p)
	w.traffic.WriteBytes(n)
	return err
}
