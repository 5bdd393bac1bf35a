// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	linesAtStart  = 30 // filestream ignores a file of less than 1,024 bytes
	linesInSpike  = 12 // in a lineInterval
	lineInterval  = 100 * time.Millisecond
	firstSpike    = 4 * time.Second
	spikeLength   = 3 * time.Second
	spikeInterval = 30 * time.Second
)

var pages = []string{"/", "/products", "/products/17", "/cart", "/checkout", "/search?q=boots", "/static/site.css", "/login"}

// weblog is a log file that grows. Its lines are numbered from 1.
type weblog struct {
	file  *os.File
	lines int
}

func newWeblog(path string) (*weblog, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &weblog{file: file}, nil
}

// grow writes lines until ctx ends: a steady trickle with some errors, and at
// intervals a rush of visitors that overloads the server.
func (w *weblog) grow(ctx context.Context) error {
	if err := w.write(linesAtStart, false); err != nil {
		return err
	}
	trickle := time.NewTicker(lineInterval)
	defer trickle.Stop()
	begin := time.Now()
	for {
		select {
		case <-ctx.Done():
			return w.file.Close()
		case <-trickle.C:
		}
		count, rush := 1, inSpike(time.Since(begin))
		if rush {
			count = linesInSpike
		}
		if err := w.write(count, rush); err != nil {
			return err
		}
	}
}

func inSpike(since time.Duration) bool {
	return since >= firstSpike && (since-firstSpike)%spikeInterval < spikeLength
}

func (w *weblog) write(count int, rush bool) error {
	for range count {
		w.lines++
		if _, err := w.file.WriteString(line(w.lines, time.Now(), rush) + "\n"); err != nil {
			return err
		}
	}
	return nil
}

// line returns a line about a request or, for some numbers, an error. In a rush
// there are more errors.
func line(number int, now time.Time, rush bool) string {
	page := pages[rand.IntN(len(pages))]
	if number%25 == 0 {
		return fmt.Sprintf("%s [error] upstream timed out while reading from 192.0.2.80, request: GET %s id=%d",
			now.Format("2006/01/02 15:04:05"), page, number)
	}
	status := 200
	switch {
	case rush && number%6 == 1:
		status = 502
	case number%40 == 7:
		status = 404
	}
	return fmt.Sprintf(`198.51.100.%d - - [%s] "GET %s HTTP/1.1" %d %d id=%d`,
		rand.IntN(200)+1, now.Format("02/Jan/2006:15:04:05 -0700"), page, status, rand.IntN(40_000)+300, number)
}

// numberOf returns the number of a line, and false if the text is not such a line.
func numberOf(text string) (int, bool) {
	_, digits, found := strings.Cut(text, " id=")
	number, err := strconv.Atoi(digits)
	return number, found && err == nil
}
