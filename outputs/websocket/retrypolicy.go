// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

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

// patience says how long to wait after one kind of failure.
type patience struct {
	steady  bool          // backoff.init, however many failures there were
	longest bool          // backoff.max instead of the wait that is due
	factor  int           // how many times the wait that is due, 0 for once
	exactly time.Duration // what the server asked for, 0 if it did not
}

// classify tells from the cause of a failure how long to wait. It is the one
// place where causes become waits.
func classify(cause error, now time.Time) patience {
	if upgrade, ok := errors.AsType[*conn.UpgradeError](cause); ok {
		switch upgrade.Code {
		case http.StatusUnauthorized, http.StatusForbidden:
			// Wrong credentials: asking again soon can only lock the account.
			return patience{longest: true}
		case http.StatusTooManyRequests, http.StatusServiceUnavailable:
			return patience{exactly: parseRetryAfter(upgrade.Header.Get("Retry-After"), now)}
		}
		return patience{}
	}
	if refused, ok := errors.AsType[*conn.ProxyError](cause); ok {
		return patience{longest: refused.Code == http.StatusProxyAuthRequired || refused.Code == http.StatusForbidden}
	}
	if _, ok := errors.AsType[*ack.HandshakeError](cause); ok {
		return patience{longest: true} // wrong credentials, here too
	}
	if closed, ok := errors.AsType[*conn.CloseError](cause); ok {
		switch code := closed.Code; {
		case code.RefusesContent():
			// One record is at fault, and finding it takes several connections.
			return patience{steady: true}
		case code == protocol.ClosePolicyViolation, code.Application():
			// The server's policy, or a rule of the application, is against it.
			return patience{longest: true}
		case code == protocol.CloseInternalError, code == protocol.CloseBadGateway, !code.Known():
			// The server, or the gateway before it, has an error of its own.
			return patience{factor: 2}
		}
	}
	return patience{}
}

// parseRetryAfter reads the header of that name (RFC 9110 10.2.3): seconds or a date.
// It is 0 if there is none that can be used.
func parseRetryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(0, date.Sub(now))
	}
	return 0
}

// waitFor returns how long to wait before the next attempt, after so many
// failures in a row before this one.
func (p patience) waitFor(settings backoffConfig, failures int) time.Duration {
	switch {
	case p.exactly >= settings.Max, p.longest:
		// Around backoff.max, and never above it.
		return settings.Max - rand.N(settings.Max/4+1)
	case p.exactly > 0:
		// Not before the server wants it, and not all agents in the same instant.
		return min(p.exactly+rand.N(settings.Init), settings.Max)
	}
	if p.steady {
		failures = 0
	}
	wait := settings.Init
	for range failures {
		if wait >= settings.Max/2 {
			wait = settings.Max
			break
		}
		wait *= 2
	}
	wait = min(wait*time.Duration(max(p.factor, 1)), settings.Max)

	// A fleet of agents that all lost the same server at once is spread by the
	// first wait, from a tenth of it on. The second is at least half of its
	// doubled length, so it begins when the first is over for all of them: the
	// two waves do not add up.
	least := wait / 2
	if failures == 0 {
		least = wait / 10
	}
	return least + rand.N(wait-least+1)
}
