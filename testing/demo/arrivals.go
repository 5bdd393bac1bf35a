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
	shownPerSecond = 15  // more than that nobody can read
	shownWidth     = 110 // of a message, in runes
	recordBytesMax = 1 << 20
)

// arrivals counts and shows what the receiver writes.
type arrivals struct {
	mutex sync.Mutex
	seen  map[int]bool
	twice int

	// Of the current second; only follow uses them.
	second         int64
	shown, skipped int
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
			return fmt.Errorf("the receiver wrote something else than a record: %w", err)
		}
		a.count(record.Message)
		a.show(record.Timestamp, record.Message)
	}
	a.nextSecond(0)
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

func (a *arrivals) show(read time.Time, message string) {
	if second := time.Now().Unix(); second != a.second {
		a.nextSecond(second)
	}
	if a.shown == shownPerSecond {
		a.skipped++
		return
	}
	a.shown++
	if runes := []rune(message); len(runes) > shownWidth {
		message = string(runes[:shownWidth]) + "…"
	}
	fmt.Printf("%s  %s\n", read.Local().Format("15:04:05.000"), message)
}

func (a *arrivals) nextSecond(second int64) {
	if a.skipped > 0 {
		fmt.Printf("              … and %d more in the same second\n", a.skipped)
	}
	a.second, a.shown, a.skipped = second, 0, 0
}

// totals returns how many different lines arrived, and how many of them again.
func (a *arrivals) totals() (arrived, twice int) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return len(a.seen), a.twice
}
