// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package seldom says at most once in an interval what happens often, and loses no
// count: what happened after a line is said at the end of its interval.
package seldom

import (
	"sync"
	"time"
)

// Log counts what happens by key. Keys come from a bounded set. All methods may be
// called by any goroutine.
type Log struct {
	interval time.Duration
	say      func(key string, count int, last error)

	mutex  sync.Mutex
	closed bool
	counts map[string]*repetition
}

// repetition is what happened with one key.
type repetition struct {
	unsaid int
	last   error
	timer  *time.Timer // runs for an interval after each line; nil without one
}

// New returns a log that calls say for each line, one call at a time.
func New(interval time.Duration, say func(key string, count int, last error)) *Log {
	return &Log{interval: interval, say: say, counts: map[string]*repetition{}}
}

// Add counts that something happened so many times. last has the details of the line.
func (l *Log) Add(key string, times int, last error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	c := l.counts[key]
	if c == nil {
		c = &repetition{}
		l.counts[key] = c
	}
	c.unsaid += times
	c.last = last
	if c.timer == nil || l.closed {
		l.sayLocked(key, c)
	}
}

// sayLocked says what was not said yet, and begins an interval if there was anything.
func (l *Log) sayLocked(key string, c *repetition) {
	c.timer = nil
	if c.unsaid == 0 {
		return
	}
	l.say(key, c.unsaid, c.last)
	c.unsaid = 0
	if !l.closed {
		c.timer = time.AfterFunc(l.interval, func() {
			l.mutex.Lock()
			defer l.mutex.Unlock()
			if !l.closed {
				l.sayLocked(key, c)
			}
		})
	}
}

// Close says what is left. From then on Add says everything at once.
func (l *Log) Close() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.closed = true
	for key, c := range l.counts {
		if c.timer != nil {
			c.timer.Stop()
		}
		l.sayLocked(key, c)
	}
}
