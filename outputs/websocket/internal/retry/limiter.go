// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package retry

import (
	"fmt"
	"regexp"
	"sync"
	"time"
)

// repeatInterval is the time between two log lines about the same failure.
const repeatInterval = time.Minute

// maxLines is the maximum number of different lines in repeatInterval. A server can
// make every failure different, for example with an id in its answer.
const maxLines = 8

// Limiter decides which failures are logged. Several goroutines may use it.
type Limiter struct {
	now func() time.Time

	mutex    sync.Mutex
	lines    map[string]*line // by their text without what differs each time
	unlogged int              // different ones for which there was no room
	trouble  bool             // something was logged since Recovered was last called
}

type line struct {
	logged  time.Time
	skipped int // repetitions since then
}

// NewLimiter returns a Limiter that has logged nothing.
func NewLimiter() *Limiter {
	return &Limiter{now: time.Now, lines: map[string]*line{}, trouble: true}
}

// passing finds what differs each time in the texts of one failure: the port of this
// side, and times.
var passing = regexp.MustCompile(`:\d+->|\d{4}-\d\d-\d\d[T ]|\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?`)

// Worth reports whether a text should be logged: it is new, or was last logged
// repeatInterval ago. note is to be added to the line: what was not logged since.
func (l *Limiter) Worth(text string) (note string, worth bool) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	now := l.now()
	key := passing.ReplaceAllString(text, "")
	known, ok := l.lines[key]
	switch {
	case ok && now.Sub(known.logged) < repeatInterval:
		known.skipped++
		return "", false
	case !ok:
		l.forget(now)
		if len(l.lines) >= maxLines {
			l.unlogged++
			return "", false
		}
		known = &line{}
		l.lines[key] = known
	}
	if known.skipped > 0 {
		note = fmt.Sprintf(" (%d more times since %s)", known.skipped, known.logged.UTC().Format(time.TimeOnly))
	}
	if l.unlogged > 0 {
		note += fmt.Sprintf(" (%d other failures were not logged)", l.unlogged)
	}
	known.logged, known.skipped, l.unlogged = now, 0, 0
	l.trouble = true
	return note, true
}

// forget makes room, if there is none, by dropping lines that were logged long ago. Lines
// that were repeated since are forgotten, too: they count as not logged.
func (l *Limiter) forget(now time.Time) {
	if len(l.lines) < maxLines {
		return
	}
	for key, known := range l.lines {
		if now.Sub(known.logged) >= repeatInterval {
			l.unlogged += known.skipped
			delete(l.lines, key)
		}
	}
}

// Recovered reports whether a line about a new connection belongs in the log: a failure
// was logged since the last one, or it is the first.
func (l *Limiter) Recovered() bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	trouble := l.trouble
	l.trouble = false
	return trouble
}
