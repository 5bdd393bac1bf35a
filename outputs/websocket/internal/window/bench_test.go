// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package window

import (
	"fmt"
	"testing"
)

// BenchmarkConfirm takes a batch of 1,600 messages through the window: confirmed
// at once, as by a Pong, or one by one in the opposite order, as by single acks.
func BenchmarkConfirm(b *testing.B) {
	const messages = 1600
	for _, capacity := range []int{1, 8} {
		b.Run(fmt.Sprintf("pipelining=%d/at=once", capacity), func(b *testing.B) {
			b.ReportAllocs()
			w := filled(capacity, messages)
			var done []int
			for b.Loop() {
				var err error
				if done, err = w.Confirm(w.Settled()+messages, done[:0]); err != nil || len(done) != 1 {
					b.Fatal(done, err)
				}
				w.Push(messages, 0)
			}
		})
		b.Run(fmt.Sprintf("pipelining=%d/one=by one", capacity), func(b *testing.B) {
			b.ReportAllocs()
			w := filled(capacity, messages)
			var done []int
			for b.Loop() {
				for number := w.Settled() + messages; len(done) == 0; number-- {
					var err error
					if done, err = w.Settle(number, done); err != nil {
						b.Fatal(err)
					}
				}
				done = done[:0]
				w.Push(messages, 0)
			}
		})
	}
}

func filled(capacity, messages int) *Window[int] {
	w := New[int](capacity)
	for !w.Full() {
		w.Push(messages, 0)
	}
	return w
}
