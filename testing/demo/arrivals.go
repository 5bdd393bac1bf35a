// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	shownLines     = 20  // the rest is to be seen on the page
	shownWidth     = 110 // of a message, in runes
	statusInterval = 5 * time.Second
	recordBytesMax = 1 << 20
)

// arrivals counts and shows what the receiver writes.
type arrivals struct {
	mutex sync.Mutex
	seen  map[int]bool
	twice int

	// Only follow uses these.
	page   string // where the live tail is
	shown  int
	status time.Time // when a line was printed last
}

// follow reads NDJSON until its end.
func (a *arrivals) follow(records io.Reader) error {
	lines := bufio.NewScanner(records)
	lines.Buffer(nil, recordBytesMax)
	for lines.Scan() {
		var record struct {
			Timestamp time.Time `json:"@timestamp"`
			Message   string    `json:"message"`
		}
		if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
			return fmt.Errorf("wsreceiver wrote a line that is not a record: %w", err)
		}
		a.count(record.Message)
		a.show(record.Timestamp, record.Message)
	}
	return lines.Err()
}

func (a *arrivals) count(message string) {
	number, ok := numberOf(message)
	if !ok {
		return
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.seen[number] {
		a.twice++
	}
	a.seen[number] = true
}

// show prints the first lines, and from then on how many have arrived.
func (a *arrivals) show(read time.Time, message string) {
	if a.shown == shownLines {
		if time.Since(a.status) > statusInterval {
			a.status = time.Now()
			unique, _ := a.totals()
			fmt.Printf("%s  %d lines have arrived; watch them at %s\n", a.status.Format("15:04:05.000"), unique, a.page)
		}
		return
	}
	a.shown++
	a.status = time.Now()
	if runes := []rune(message); len(runes) > shownWidth {
		message = string(runes[:shownWidth]) + "…"
	}
	fmt.Printf("%s  %s\n", read.Local().Format("15:04:05.000"), message)
}

// totals returns how many different lines arrived, and how many arrived again.
func (a *arrivals) totals() (arrived, twice int) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return len(a.seen), a.twice
}
