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
	linesAtStart  = 30 // filestream reads a file only from its first 1,024 bytes on
	linesOfSpike  = 300
	lineInterval  = 100 * time.Millisecond
	firstSpike    = 4 * time.Second
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

// grow writes lines until ctx ends: a steady trickle with an error now and then,
// and many lines at once now and then.
func (w *weblog) grow(ctx context.Context) error {
	if err := w.write(linesAtStart); err != nil {
		return err
	}
	trickle := time.NewTicker(lineInterval)
	defer trickle.Stop()
	spike := time.NewTimer(firstSpike)
	defer spike.Stop()
	for {
		count := 1
		select {
		case <-ctx.Done():
			return w.file.Close()
		case <-trickle.C:
		case <-spike.C:
			count = linesOfSpike
			spike.Reset(spikeInterval)
		}
		if err := w.write(count); err != nil {
			return err
		}
	}
}

func (w *weblog) write(count int) error {
	for range count {
		w.lines++
		if _, err := w.file.WriteString(line(w.lines, time.Now()) + "\n"); err != nil {
			return err
		}
	}
	return nil
}

func line(number int, now time.Time) string {
	page := pages[rand.IntN(len(pages))]
	if number%25 == 0 {
		return fmt.Sprintf("%s [error] upstream timed out while reading from 192.0.2.80, request: GET %s id=%d",
			now.Format("2006/01/02 15:04:05"), page, number)
	}
	status := 200
	if number%40 == 7 {
		status = 404
	}
	return fmt.Sprintf(`198.51.100.%d - - [%s] "GET %s HTTP/1.1" %d %d id=%d`,
		rand.IntN(200)+1, now.Format("02/Jan/2006:15:04:05 -0700"), page, status, rand.IntN(40_000)+300, number)
}

// numberOf returns the number of a line, and false for anything else.
func numberOf(line string) (int, bool) {
	_, digits, found := strings.Cut(line, " id=")
	number, err := strconv.Atoi(digits)
	return number, found && err == nil
}
