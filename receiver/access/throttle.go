// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"net"
	"sync"
	"time"
)

const (
	failureInterval = time.Minute
	// freeFailures are answered at once in each failureInterval: a wrong
	// configuration is not an attack.
	freeFailures = 10
	// failureSpacing is between the answers to one address after that.
	failureSpacing = time.Second
	// maxFailureWait is less than what clients wait for an answer.
	maxFailureWait = 5 * time.Second
	maxThrottled   = 4096
	sweepInterval  = time.Second
)

// throttle slows down the answers to wrong tokens, by address. It never concerns a
// valid token: otherwise anyone could lock out others who share the address.
type throttle struct {
	mutex  sync.Mutex
	counts map[string]failures
	swept  time.Time // when expired entries were last removed
}

type failures struct {
	count int
	until time.Time // when they are forgotten
	next  time.Time // when the next one is answered
}

func newThrottle() *throttle { return &throttle{counts: map[string]failures{}} }

// everyoneElse is shared by all new addresses once the table is full: many
// addresses must not buy many tries.
const everyoneElse = ""

// failed counts a wrong token and returns how long its answer has to wait.
func (t *throttle) failed(address string) time.Duration {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	now := time.Now()
	known, ok := t.counts[address]
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
			address = everyoneElse
			known = t.counts[address]
		}
	}
	if now.After(known.until) {
		known = failures{until: now.Add(failureInterval)}
	}
	known.count++
	wait := time.Duration(0)
	if known.count > freeFailures {
		if known.next.Before(now) {
			known.next = now
		}
		known.next = known.next.Add(failureSpacing)
		if latest := now.Add(maxFailureWait); known.next.After(latest) {
			known.next = latest
		}
		wait = known.next.Sub(now)
	}
	t.counts[address] = known
	return wait
}

// addressOf is what failures and connections are counted by: an IPv4 address, or
// the /64 network of an IPv6 one, since a single machine has all of that.
func addressOf(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	ip := net.ParseIP(host)
	if ip == nil || ip.To4() != nil {
		return host
	}
	return ip.Mask(net.CIDRMask(64, 128)).String()
}
