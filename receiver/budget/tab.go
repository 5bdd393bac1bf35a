// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package budget

// freeTabBytes is how much a client may be owed without memory of the Budget's: who sends
// little must not wait because others do not read.
const freeTabBytes = 4 << 10

// Tab is the memory of the confirmations that one client has not read yet. Its methods
// do not lock.
type Tab struct {
	budget   *Budget
	owed     int64
	reserved int64 // of the Budget
}

// Tab returns an empty Tab.
func (b *Budget) Tab() Tab { return Tab{budget: b} }

// Add takes memory for a confirmation. If there is none, a short one is taken all the
// same, and the Tab is full; a long one is not.
func (t *Tab) Add(bytes int64) bool {
	if missing := t.owed + bytes - freeTabBytes - t.reserved; missing > 0 {
		if t.budget.owed.try(missing) {
			t.reserved += missing
		} else if bytes > freeTabBytes {
			return false
		}
	}
	t.owed += bytes
	return true
}

// Full reports whether nothing may be added until the client has read.
func (t *Tab) Full() bool { return t.owed > freeTabBytes+t.reserved }

// Settle gives back the memory of what was written.
func (t *Tab) Settle(bytes int64) {
	t.owed -= bytes
	if spare := t.reserved - max(t.owed-freeTabBytes, 0); spare > 0 {
		t.budget.owed.give(spare)
		t.reserved -= spare
	}
}

// Close gives back all of it.
func (t *Tab) Close() {
	t.budget.owed.give(t.reserved)
	t.reserved = 0
}
