// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"sync"
	"time"
)

const (
	failureInterval = time.Minute
	maxFailures     = 10 // in a failureInterval
	maxThrottled    = 4096
	sweepInterval   = time.Second
)

// throttle slows down those who guess tokens.
type throttle struct {
	mutex  sync.Mutex
	counts map[string]failures
	swept  time.Time // when those that can be forgotten were, last
}

type failures struct {
	count int
	until time.Time // when they are forgotten
}

func newThrottle() *throttle { return &throttle{counts: map[string]failures{}} }

// everyoneElse is who those are counted as for whom there is no room: a guesser
// with many addresses holds up others that do not sign in for the first time
// either, but has no more tries.
const everyoneElse = ""

func (t *throttle) blocked(who string) bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	known, ok := t.counts[who]
	if !ok && len(t.counts) >= maxThrottled {
		known = t.counts[everyoneElse]
	}
	return known.count >= maxFailures && time.Now().Before(known.until)
}

func (t *throttle) failed(who string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	now := time.Now()
	known, ok := t.counts[who]
	if !ok && len(t.counts) >= maxThrottled {
		if now.Sub(t.swept) > sweepInterval {
			t.swept = now
			for one, old := range t.counts {
				if now.After(old.until) {
					delete(t.counts, one)
				}
			}
		}
		if len(t.counts) >= maxThrottled {
			who = everyoneElse
			known = t.counts[who]
		}
	}
	if now.After(known.until) {
		known = failures{until: now.Add(failureInterval)}
	}
	known.count++
	t.counts[who] = known
}
