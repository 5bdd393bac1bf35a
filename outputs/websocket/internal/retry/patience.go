// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package retry

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"filebeat-websocket/outputs/websocket/ack"
	"filebeat-websocket/outputs/websocket/internal/conn"
	"filebeat-websocket/protocol"
)

// Backoff has the limits of the waits, 0 < Init <= Max.
type Backoff struct {
	Init time.Duration
	Max  time.Duration
}

// Patience is how long to wait after one kind of failure. The zero value is the usual
// wait.
type Patience struct {
	Steady  bool          // Backoff.Init for the first steadyFailures in a row
	Longest bool          // Backoff.Max instead of the usual wait
	Factor  int           // multiplies the usual wait; 0 counts as 1
	Exactly time.Duration // what the server asked for, 0 if it did not
}

// steadyFailures is for how many failures in a row a steady wait does not grow. While a
// record at fault is looked for, parts of the batch are confirmed in between. If none
// are, the server may refuse everything.
const steadyFailures = 4

// After returns how long to wait after a failure with that cause.
func After(cause error, now time.Time) Patience {
	if upgrade, ok := errors.AsType[*conn.UpgradeError](cause); ok {
		switch upgrade.Code {
		case http.StatusUnauthorized, http.StatusForbidden:
			// Wrong credentials: trying again soon could lock the account.
			return Patience{Longest: true}
		case http.StatusTooManyRequests, http.StatusServiceUnavailable:
			return Patience{Exactly: parseRetryAfter(upgrade.Header.Get("Retry-After"), now)}
		}
		return Patience{}
	}
	if refused, ok := errors.AsType[*conn.ProxyError](cause); ok {
		return Patience{Longest: refused.Code == http.StatusProxyAuthRequired || refused.Code == http.StatusForbidden}
	}
	if _, ok := errors.AsType[*ack.HandshakeError](cause); ok {
		return Patience{Longest: true} // wrong credentials, here too
	}
	if closed, ok := errors.AsType[*conn.CloseError](cause); ok {
		switch code := closed.Code; {
		case code.RefusesContent():
			// One record is at fault, and finding it takes several connections.
			return Patience{Steady: true}
		case code == protocol.ClosePolicyViolation, code.Application():
			// The server's policy, or a rule of its application, refuses us.
			return Patience{Longest: true}
		case code == protocol.CloseInternalError, code == protocol.CloseBadGateway, !code.Known():
			// The server, or the gateway in front of it, has an internal error.
			return Patience{Factor: 2}
		}
	}
	return Patience{}
}

// parseRetryAfter reads the header Retry-After (RFC 9110 10.2.3): seconds or a date.
// It returns 0 for anything else.
func parseRetryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(0, date.Sub(now))
	}
	return 0
}

// Wait returns the wait before the next attempt. failures is the number of
// failures in a row before this one.
func (p Patience) Wait(backoff Backoff, failures int) time.Duration {
	switch {
	case p.Exactly >= backoff.Max, p.Longest:
		// Close to backoff.max, never above it.
		return backoff.Max - rand.N(backoff.Max/4+1)
	case p.Exactly > 0:
		// Not before the server asks for it, with jitter so that agents do not all come at
		// once.
		return min(p.Exactly+rand.N(backoff.Init), backoff.Max)
	}
	if p.Steady {
		failures = max(0, failures-steadyFailures)
	}
	wait := backoff.Init
	for range failures {
		if wait >= backoff.Max/2 {
			wait = backoff.Max
			break
		}
		wait *= 2
	}
	wait = min(wait*time.Duration(max(p.Factor, 1)), backoff.Max)

	// Jitter spreads a fleet of agents that lose the same server at once. The first
	// wait is at least a tenth of its maximum. Later ones are at least half of
	// theirs, which has doubled: the second wave of attempts begins after the first
	// has ended, so the two do not add up.
	minimum := wait / 2
	if failures == 0 {
		minimum = wait / 10
	}
	return minimum + rand.N(wait-minimum+1)
}
