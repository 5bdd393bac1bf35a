// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"sync"
	"time"

	"github.com/elastic/elastic-agent-libs/logp"
	"github.com/elastic/elastic-agent-libs/monitoring"
)

// dropLogInterval is how often dropped events of one reason are logged.
const dropLogInterval = 30 * time.Second

// dropCounter counts dropped events by reason, as metrics and in the log. It
// may be used from several goroutines.
type dropCounter struct {
	log      *logp.Logger
	registry *monitoring.Registry

	mutex   sync.Mutex
	reasons map[string]*dropReason
}

type dropReason struct {
	total    *monitoring.Uint
	loggedAt time.Time
	unlogged int
}

func newDropCounter(registry *monitoring.Registry, log *logp.Logger) *dropCounter {
	return &dropCounter{
		log:      log,
		registry: registry.NewRegistry("dropped"),
		reasons:  map[string]*dropReason{},
	}
}

// count counts the events of one batch that can't be sent.
func (c *dropCounter) count(dropped []*record) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, r := range dropped {
		reason, known := c.reasons[r.reason]
		if !known {
			reason = &dropReason{total: monitoring.NewUint(c.registry, r.reason)}
			c.reasons[r.reason] = reason
		}
		reason.total.Inc()
		reason.unlogged++
		if now := time.Now(); now.Sub(reason.loggedAt) >= dropLogInterval {
			c.log.Warnf("Dropped %d events, reason %s: %v", reason.unlogged, r.reason, r.err)
			reason.loggedAt, reason.unlogged = now, 0
		}
	}
}

// outputRegistry returns the place of the output's own metrics,
// libbeat.output.websocket, empty. libbeat makes the registry around it before
// it makes the output; outside of a Beat there is none.
func outputRegistry() *monitoring.Registry {
	parent := monitoring.Default.GetRegistry("libbeat.output")
	if parent == nil {
		return monitoring.NewRegistry()
	}
	parent.Remove(outputName)
	return parent.NewRegistry(outputName)
}
