// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package window holds what is in flight on one connection: a ring of entries
// in the order in which they were sent, each standing for a run of numbered
// messages. It does no I/O, starts no goroutine and takes no lock; its owner
// serialises the calls.
package window

import "errors"

// ErrFuture is the error of a confirmation for a message that was not sent yet.
// The peer does not keep to the protocol; the connection should end.
var ErrFuture = errors.New("confirmation for a message that was not sent")

// Window is a ring of at most a fixed number of entries. Messages are numbered
// from 1 over the life of the window.
type Window[T any] struct {
	ring  []entry[T]
	head  int // index of the oldest entry
	count int

	sent      uint64 // number of the last message of the newest entry
	confirmed uint64 // every message up to this one is confirmed
}

type entry[T any] struct {
	last  uint64 // number of its last message
	value T
}

// New returns an empty window with room for capacity entries, at least 1.
func New[T any](capacity int) *Window[T] {
	return &Window[T]{ring: make([]entry[T], capacity)}
}

// Len returns the number of entries in flight.
func (w *Window[T]) Len() int { return w.count }

// Full reports whether Push has no room.
func (w *Window[T]) Full() bool { return w.count == len(w.ring) }

// Oldest returns the oldest entry, and false if there is none.
func (w *Window[T]) Oldest() (T, bool) { return w.ring[w.head].value, w.count > 0 }

// Sent returns the number of the last message that was pushed, 0 if none was.
func (w *Window[T]) Sent() uint64 { return w.sent }

// Confirmed returns the number up to which every message is confirmed.
func (w *Window[T]) Confirmed() uint64 { return w.confirmed }

// Push adds an entry of so many messages, at least 1, and returns the number of
// its last one. It panics on a full window: the caller has to look first.
func (w *Window[T]) Push(messages int, value T) uint64 {
	if w.Full() {
		panic("window: push into a full window")
	}
	w.sent += uint64(messages)
	w.ring[(w.head+w.count)%len(w.ring)] = entry[T]{last: w.sent, value: value}
	w.count++
	return w.sent
}

// Confirm notes that every message up to number through is confirmed and
// appends the entries that are now wholly confirmed to done, oldest first. A
// number at or below an earlier one changes nothing. A number beyond Sent is
// ErrFuture and changes nothing.
func (w *Window[T]) Confirm(through uint64, done []T) ([]T, error) {
	if through > w.sent {
		return done, ErrFuture
	}
	w.confirmed = max(w.confirmed, through)
	for w.count > 0 && w.ring[w.head].last <= w.confirmed {
		done = append(done, w.pop())
	}
	return done, nil
}

// Fail empties the window and appends what was in flight to lost, oldest first.
func (w *Window[T]) Fail(lost []T) []T {
	for w.count > 0 {
		lost = append(lost, w.pop())
	}
	return lost
}

func (w *Window[T]) pop() T {
	value := w.ring[w.head].value
	w.ring[w.head] = entry[T]{} // lets go of the value
	w.head = (w.head + 1) % len(w.ring)
	w.count--
	return value
}
