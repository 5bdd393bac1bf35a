// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"fmt"
	"regexp"
	"time"

	"github.com/elastic/beats/v7/libbeat/outputs"
	libtesting "github.com/elastic/elastic-agent-libs/testing"
)

// repeatInterval is the time between two log lines about the same failure.
const repeatInterval = time.Minute

// keptFailures is the maximum number of different failures to remember.
const keptFailures = 32

// quietClient keeps libbeat from logging the same failure to connect again and again.
// libbeat logs every error that Connect returns. So if the same error was returned
// less than repeatInterval ago, Connect makes another attempt instead. The client
// inside waits between attempts.
//
// One goroutine calls Connect.
type quietClient struct {
	outputs.NetworkClient
	lifecycle *lifecycle
	now       func() time.Time
	failures  map[string]*failure // by text
}

type failure struct {
	logged  time.Time
	skipped int // repetitions since then
}

func quietly(inner outputs.NetworkClient, l *lifecycle) *quietClient {
	return &quietClient{NetworkClient: inner, lifecycle: l, now: time.Now, failures: map[string]*failure{}}
}

// Connect connects. It returns nil, an error that should be logged, or the error
// after Close.
func (q *quietClient) Connect() error {
	for {
		err := q.NetworkClient.Connect()
		if err == nil || q.lifecycle.closing() {
			return err
		}
		if again := q.worthALine(err); again != nil {
			return again
		}
	}
}

// localPort finds the port of this side, which differs each time.
var localPort = regexp.MustCompile(`:\d+->`)

// worthALine returns the error with the number of its repetitions, or nil if the same
// one was returned less than repeatInterval ago.
func (q *quietClient) worthALine(err error) error {
	now := q.now()
	text := localPort.ReplaceAllString(err.Error(), "->")
	known, ok := q.failures[text]
	switch {
	case !ok:
		if len(q.failures) >= keptFailures {
			clear(q.failures)
		}
		q.failures[text] = &failure{logged: now}
		return err
	case now.Sub(known.logged) < repeatInterval:
		known.skipped++
		return nil
	}
	if known.skipped > 0 {
		err = fmt.Errorf("%w (%d more times since %s)", err, known.skipped, known.logged.UTC().Format(time.TimeOnly))
	}
	known.logged, known.skipped = now, 0
	return err
}

// Test implements testing.Testable.
func (q *quietClient) Test(d libtesting.Driver) { testClient(q.NetworkClient, d) }

var (
	_ outputs.NetworkClient = (*quietClient)(nil)
	_ libtesting.Testable   = (*quietClient)(nil)
)
