// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package trust decides whether a host's refusal of an event is believed. A host that
// refuses everything, because it expects another format for example, must not make
// this side drop everything.
package trust

import "sync"

// doubts is after how many refusals in a row, without a confirmation, a host is said
// to refuse everything. Looking for one refused event among others takes a few, and
// the halves that pass are confirmed in between.
const doubts = 4

// Host is what is known of a host's verdicts. The zero value is a host that has not
// given any. All methods may be called by any goroutine.
type Host struct {
	mutex     sync.Mutex
	confirmed bool // something, since the last drop
	refusals  int  // in a row
}

// Confirmed notes that the host has confirmed something.
func (h *Host) Confirmed() {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.confirmed, h.refusals = true, 0
}

// Refused notes that the host has refused a batch for good, or part of it. It reports
// whether the host seems to refuse everything.
func (h *Host) Refused() bool {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.refusals++
	return h.refusals >= doubts
}

// Drop reports whether what the host refuses may be dropped: only if it has confirmed
// something since the last time.
func (h *Host) Drop() bool {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	may := h.confirmed
	h.confirmed = false
	return may
}

// Hosts are the hosts of an output.
type Hosts struct {
	mutex sync.Mutex
	known map[string]*Host
}

// Get returns the host of that name. All connections to it share it.
func (h *Hosts) Get(name string) *Host {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	host, known := h.known[name]
	if !known {
		if h.known == nil {
			h.known = map[string]*Host{}
		}
		host = &Host{}
		h.known[name] = host
	}
	return host
}
