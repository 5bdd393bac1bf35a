// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package window

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// model is a window as a list of messages: slow and plain.
type model struct {
	capacity int
	messages []state // of message i+1
	entries  []modelEntry
}

type modelEntry struct {
	value       int
	first, last int // numbers of its messages
}

type state int

const (
	inFlight state = iota
	confirmed
	lost
)

// settledUpTo is the number up to which every message is settled. What was lost
// with the entry of a message before it counts as unsettled.
func (m *model) settledUpTo() int {
	for i, s := range m.messages {
		if s != confirmed {
			return i
		}
	}
	return len(m.messages)
}

func (m *model) push(messages, value int) {
	m.entries = append(m.entries, modelEntry{value, len(m.messages) + 1, len(m.messages) + messages})
	m.messages = append(m.messages, make([]state, messages)...)
}

func (m *model) confirm(through int) []int {
	for i := range through {
		m.messages[i] = confirmed
	}
	return m.pop()
}

func (m *model) settle(number int) []int {
	m.messages[number-1] = confirmed
	return m.pop()
}

// pop removes the entries from the oldest on whose messages are all confirmed,
// and all before them.
func (m *model) pop() (done []int) {
	for len(m.entries) > 0 && m.entries[0].last <= m.settledUpTo() {
		done = append(done, m.entries[0].value)
		m.entries = m.entries[1:]
	}
	return done
}

func (m *model) fail() (values []int) {
	for _, e := range m.entries {
		values = append(values, e.value)
		for i := e.first; i <= e.last; i++ {
			if m.messages[i-1] != confirmed {
				m.messages[i-1] = lost
			}
		}
	}
	m.entries = nil
	return values
}

func TestTheWindowDoesWhatItsModelDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{capacity: rapid.IntRange(1, 5).Draw(t, "capacity")}
		w := New[int](m.capacity)
		next := 0
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				messages := rapid.IntRange(1, 4).Draw(t, "messages")
				if len(m.entries) == m.capacity {
					require.Panics(t, func() { w.Push(messages, -1) })
					return
				}
				next++
				m.push(messages, next)
				require.EqualValues(t, len(m.messages), w.Push(messages, next))
			},
			"confirm old, partial or whole": func(t *rapid.T) {
				through := rapid.IntRange(0, len(m.messages)).Draw(t, "through")
				// The model's messages of a failed entry are confirmed by a later
				// number too: it was for the peer to say.
				want := m.confirm(through)
				done, err := w.Confirm(uint64(through), nil)
				require.NoError(t, err)
				require.Equal(t, want, done)
			},
			"settle one": func(t *rapid.T) {
				if len(m.messages) == 0 {
					return
				}
				number := rapid.IntRange(1, len(m.messages)).Draw(t, "number")
				want := m.settle(number)
				done, err := w.Settle(uint64(number), nil)
				require.NoError(t, err)
				require.Equal(t, want, done)
				require.True(t, w.IsSettled(uint64(number)))
			},
			"settle the future": func(t *rapid.T) {
				beyond := rapid.Uint64Min(uint64(len(m.messages))+1).Draw(t, "number")
				done, err := w.Settle(beyond, nil)
				require.ErrorIs(t, err, ErrFuture)
				require.Empty(t, done)
			},
			"find": func(t *rapid.T) {
				number := rapid.IntRange(0, len(m.messages)+1).Draw(t, "number")
				value, first, found := w.Find(uint64(number))
				i := slices.IndexFunc(m.entries, func(e modelEntry) bool { return number >= e.first && number <= e.last })
				require.Equal(t, i >= 0, found)
				if found {
					require.Equal(t, m.entries[i].value, value)
					require.EqualValues(t, m.entries[i].first, first)
				}
			},
			"confirm the future": func(t *rapid.T) {
				beyond := rapid.Uint64Min(uint64(len(m.messages))+1).Draw(t, "through")
				done, err := w.Confirm(beyond, nil)
				require.ErrorIs(t, err, ErrFuture)
				require.Empty(t, done)
			},
			"fail": func(t *rapid.T) {
				require.Equal(t, m.fail(), w.Fail(nil))
			},
			"": func(t *rapid.T) {
				require.Equal(t, len(m.entries), w.Len())
				require.Equal(t, len(m.entries) == m.capacity, w.Full())
				require.EqualValues(t, len(m.messages), w.Sent())
				require.EqualValues(t, m.settledUpTo(), w.Settled())
				oldest, found := w.Oldest()
				require.Equal(t, len(m.entries) > 0, found)
				if found {
					require.Equal(t, m.entries[0].value, oldest)
				}
			},
		})
	})
}
