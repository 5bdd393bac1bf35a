// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package dedup

// memory holds the newest identities, at most `most` of them.
type memory struct {
	most  int
	known map[identity]struct{}
	order []identity // a ring, from the oldest on; grows up to most
	first int        // 0 until order is as long as most
	count int

	added uint64 // in all
	sure  uint64 // how many of these are committed: the first ones
}

func newMemory(most int) *memory {
	return &memory{most: most, known: map[identity]struct{}{}}
}

func (m *memory) has(id identity) bool {
	_, is := m.known[id]
	return is
}

// add adds an identity in place of the oldest.
func (m *memory) add(id identity) {
	if m.has(id) {
		return
	}
	if m.count == m.most {
		delete(m.known, m.order[m.first])
		m.first = (m.first + 1) % m.most
		m.count--
	}
	m.known[id] = struct{}{}
	if at := (m.first + m.count) % m.most; at == len(m.order) {
		m.order = append(m.order, id)
	} else {
		m.order[at] = id
	}
	m.count++
	m.added++
}

// forgetUnsure removes the identities that are not committed.
func (m *memory) forgetUnsure() {
	for ; m.added > m.sure && m.count > 0; m.sure++ {
		m.count--
		delete(m.known, m.order[(m.first+m.count)%m.most])
	}
	m.sure = m.added
}
