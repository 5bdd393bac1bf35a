// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package dedup

import "time"

// memory holds the newest identities, at most `most` of them, and none that is older
// than the window, if there is one.
type memory struct {
	most  int
	known map[identity]struct{}
	order []identity // a ring, from the oldest on; grows up to most
	first int        // 0 until order is as long as most
	count int

	added uint64 // in all
	sure  uint64 // how many of these are committed: the first ones

	window  time.Duration // 0: without end
	told    time.Time     // by the last tell
	removed uint64        // the oldest ones that were removed
	marks   []mark        // the oldest first
}

// mark says that the identities before a place were added by that time.
// memory keeps few of them instead of a time for each identity.
type mark struct {
	place uint64 // memory.removed + memory.count then
	at    time.Time
}

// marksPerWindow bounds how long an identity is kept beyond the window: a part of it.
const marksPerWindow = 100

func newMemory(most int) *memory {
	return &memory{most: most, known: map[identity]struct{}{}}
}

// grow makes room for as many identities as will be added.
func (m *memory) grow(count int) {
	if count = min(count, m.most); m.count == 0 {
		m.known, m.order, m.first = make(map[identity]struct{}, count+1), make([]identity, 0, count), 0
	}
}

func (m *memory) has(id identity) bool {
	_, is := m.known[id]
	return is
}

// add adds an identity in place of the oldest.
func (m *memory) add(id identity) {
	known := len(m.known)
	m.known[id] = struct{}{}
	if len(m.known) == known {
		return // looking first would cost as much again
	}
	if m.count == m.most {
		m.removeOldest()
	}
	if at := (m.first + m.count) % m.most; at == len(m.order) {
		m.order = append(m.order, id)
	} else {
		m.order[at] = id
	}
	m.count++
	m.added++
}

func (m *memory) removeOldest() {
	delete(m.known, m.order[m.first])
	m.first = (m.first + 1) % m.most
	m.count--
	m.removed++
}

// tell says what time it is, before identities are looked up and before they are added. It
// forgets those that are older than the window.
func (m *memory) tell(now time.Time) {
	if m.window == 0 {
		return
	}
	place, marked := m.removed+uint64(m.count), len(m.marks)
	if marked == 0 || place > m.marks[marked-1].place && now.Sub(m.marks[marked-1].at) >= m.window/marksPerWindow {
		m.marks = append(m.marks, mark{place: place, at: m.told})
	}
	m.told = now
	for len(m.marks) > 0 && now.Sub(m.marks[0].at) >= m.window {
		for m.count > 0 && m.removed < m.marks[0].place {
			m.removeOldest()
		}
		m.marks = m.marks[1:]
	}
}

// forget removes an identity. Its place stays taken.
func (m *memory) forget(id identity) { delete(m.known, id) }

// forgetUnsure removes the identities that are not committed.
func (m *memory) forgetUnsure() {
	for ; m.added > m.sure && m.count > 0; m.sure++ {
		m.count--
		delete(m.known, m.order[(m.first+m.count)%m.most])
	}
	m.sure = m.added
	for i := range m.marks {
		m.marks[i].place = min(m.marks[i].place, m.removed+uint64(m.count))
	}
}
