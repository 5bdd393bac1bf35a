// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"net/url"
	"strings"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/outputs"
	conf "github.com/elastic/elastic-agent-libs/config"
	"github.com/elastic/elastic-agent-libs/logp"
	"github.com/elastic/elastic-agent-libs/monitoring"

	"filebeat-websocket/outputs/websocket/ack"
	"filebeat-websocket/outputs/websocket/internal/deadletter"
	"filebeat-websocket/outputs/websocket/internal/lag"
	"filebeat-websocket/outputs/websocket/internal/retry"
)

// outputName is the name under which the output is registered.
const outputName = "websocket"

func init() {
	outputs.RegisterType(outputName, makeWebsocket)
}

// makeWebsocket is the outputs.Factory: configuration in, clients out.
func makeWebsocket(
	_ outputs.IndexManager,
	info beat.Info,
	observer outputs.Observer,
	cfg *conf.C,
) (outputs.Group, error) {
	c, err := readConfig(cfg)
	if err != nil {
		return outputs.Fail(err)
	}
	format, err := c.wireFormat(info)
	if err != nil {
		return outputs.Fail(err)
	}
	confirmation, err := ack.Get(c.strategyName())
	if err != nil {
		return outputs.Fail(settingError("ack", err))
	}
	if _, err := loadTLS(c.TLS.common()); err != nil {
		return outputs.Fail(err) // now instead of at the first dial
	}
	endpoints, err := c.endpoints()
	if err != nil {
		return outputs.Fail(err)
	}

	log := logp.NewLogger(outputName)
	if unused := c.unusedOptions(); len(unused) > 0 {
		log.Warnf("%s: no effect with %s", strings.Join(unused, ", "), c.codecSubject())
	}
	registry := outputRegistry()
	life := newLifecycle(c.CloseTimeout)
	var letters *deadletter.File
	if c.DeadLetter.Path != "" {
		letters = deadletter.New(c.DeadLetter, registry.NewRegistry("dead_letter"), log)
		life.run(letters.Run)
	}
	ids := newEventIDSource(c, format, info, registry, log)
	tracker := lag.New(log)
	tracker.Register(registry, monitoring.GetNamespace("dataset").GetRegistry())
	encoders := newEncoderFactory(c, format, ids, tracker)
	counted, refused := newStats(registry, log), newRefusals(log)
	life.onEnd(counted.drops.Close)
	life.onEnd(refused.Close)
	common := &shared{
		config:    c,
		header:    upgradeHeader(c, info),
		format:    format,
		ack:       confirmation,
		handshake: c.handshake(info),
		encoders:  encoders,
		observer:  observer,
		registry:  registry,
		stats:     counted,
		lag:       tracker,
		refusals:  refused,
		letters:   letters,
		log:       log,
		lifecycle: life,
	}
	clients := newClients(common, endpoints)
	group, err := outputs.SuccessNet(c.Queue, true, c.BatchSize, c.RetryLimit, encoders, clients)
	if err != nil {
		return outputs.Fail(settingError("queue", err))
	}
	if factory := queueFactory(cfg, c.Queue, registry, log); factory != nil {
		group.QueueFactory = factory
	}
	group.QueueFactory = life.gate.Watch(group.QueueFactory)
	return group, nil
}

// newClients returns what libbeat is to use: a client for each worker of each host, or
// a single one that fails over from host to host.
func newClients(common *shared, endpoints []*url.URL) []outputs.NetworkClient {
	c, ctx := common.config, common.lifecycle.ctx
	waiting := func(endpoint *url.URL, limiter *retry.Limiter) *retry.Waiting {
		return retry.NewWaiting(ctx, newClient(common, endpoint, limiter), retry.Backoff(c.Backoff))
	}
	var clients []outputs.NetworkClient
	var hosts []*retry.Waiting
	together := retry.NewLimiter()
	for _, endpoint := range endpoints {
		for range c.Workers {
			if !c.LoadBalance {
				hosts = append(hosts, waiting(endpoint, together))
				continue
			}
			limiter := retry.NewLimiter()
			clients = append(clients, retry.NewQuiet(ctx, waiting(endpoint, limiter), limiter))
		}
	}
	if !c.LoadBalance {
		clients = append(clients, retry.NewQuiet(ctx, retry.NewFailover(hosts), together))
	}
	return clients
}
