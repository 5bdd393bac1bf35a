// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package window has the flights of one connection: a ring of entries in the order in
// which they were sent. Each entry stands for a run of numbered messages. The package
// does no I/O, starts no goroutine and takes no lock; its owner serialises the calls.
package window

import "errors"

// ErrFuture is the error for a confirmation of a message that was not sent yet. The
// peer violates the protocol, and the connection should end.
var ErrFuture = errors.New("confirmation for a message that was not sent")

// Window is a ring of at most a fixed number of entries. Messages are numbered
// from 1 over the life of the window.
type Window[T any] struct {
	ring  []entry[T]
	head  int // index of the oldest entry
	count int

	sent    uint64              // number of the last message of the newest entry
	settled uint64              // every message up to this one is settled
	apart   map[uint64]struct{} // messages beyond it that are settled too
}

type entry[T any] struct {
	first, last uint64 // numbers of its messages
	value       T
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

// Settled returns the number up to which every message is settled.
func (w *Window[T]) Settled() uint64 { return w.settled }

// IsSettled reports whether the message of that number is settled.
func (w *Window[T]) IsSettled(number uint64) bool {
	_, apart := w.apart[number]
	return apart || number <= w.settled
}

// Find returns the entry in flight that holds the message of that number, and
// the number of its first one; false if there is none.
func (w *Window[T]) Find(number uint64) (value T, first uint64, ok bool) {
	for i := range w.count {
		e := &w.ring[(w.head+i)%len(w.ring)]
		if number >= e.first && number <= e.last {
			return e.value, e.first, true
		}
	}
	return value, 0, false
}

// Push adds an entry of so many messages, at least 1, and returns the number of the
// last one. It panics if the window is full: the caller has to check.
func (w *Window[T]) Push(messages int, value T) uint64 {
	if w.Full() {
		panic("window: push into a full window")
	}
	first := w.sent + 1
	w.sent += uint64(messages)
	w.ring[(w.head+w.count)%len(w.ring)] = entry[T]{first: first, last: w.sent, value: value}
	w.count++
	return w.sent
}

// Confirm settles every message up to number through and appends the entries
// that are now wholly settled to done, oldest first. A number at or below an
// earlier one changes nothing. A number beyond Sent is ErrFuture and changes
// nothing.
func (w *Window[T]) Confirm(through uint64, done []T) ([]T, error) {
	if through > w.sent {
		return done, ErrFuture
	}
	if through > w.settled {
		w.settled = through
		for number := range w.apart {
			if number <= through {
				delete(w.apart, number)
			}
		}
	}
	return w.advance(done), nil
}

// Settle settles only the message of that number. Otherwise it is like Confirm.
func (w *Window[T]) Settle(number uint64, done []T) ([]T, error) {
	if number > w.sent {
		return done, ErrFuture
	}
	if number > w.settled {
		if w.apart == nil {
			w.apart = map[uint64]struct{}{}
		}
		w.apart[number] = struct{}{}
	}
	return w.advance(done), nil
}

func (w *Window[T]) advance(done []T) []T {
	for len(w.apart) > 0 {
		if _, settled := w.apart[w.settled+1]; !settled {
			break
		}
		w.settled++
		delete(w.apart, w.settled)
	}
	for w.count > 0 && w.ring[w.head].last <= w.settled {
		done = append(done, w.pop())
	}
	return done
}

// Fail empties the window and appends what was in flight to dst, oldest first.
func (w *Window[T]) Fail(dst []T) []T {
	for w.count > 0 {
		dst = append(dst, w.pop())
	}
	return dst
}

func (w *Window[T]) pop() T {
	value := w.ring[w.head].value
	w.ring[w.head] = entry[T]{} // lets go of the value
	w.head = (w.head + 1) % len(w.ring)
	w.count--
	return value
}
