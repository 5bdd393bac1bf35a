// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"sync"

	"github.com/elastic/beats/v7/libbeat/publisher/queue"
	libdiskqueue "github.com/elastic/beats/v7/libbeat/publisher/queue/diskqueue"
	"github.com/elastic/beats/v7/libbeat/publisher/queue/memqueue"
	conf "github.com/elastic/elastic-agent-libs/config"
	"github.com/elastic/elastic-agent-libs/logp"
	"github.com/elastic/elastic-agent-libs/monitoring"
	"github.com/elastic/go-ucfg"

	"filebeat-websocket/outputs/eventqueue"
	"filebeat-websocket/outputs/sharedfields"
	"filebeat-websocket/outputs/websocket/internal/diskqueue"
)

// queueFactory returns the factory of the queue. The settings are those inside the
// output, else those at the top level, else libbeat's defaults. It returns nil if
// libbeat is to make the queue: for settings in which libbeat will find an error,
// and if those at the top level are not known.
func queueFactory(cfg *conf.C, inside conf.Namespace, registry *monitoring.Registry, log *logp.Logger) queue.QueueFactory {
	configured := inside
	if !inside.IsSet() {
		var known bool
		if configured, known = topLevelQueue(cfg); !known {
			log.Info("The queue is libbeat's: the settings at the top level of the configuration are not known to the output")
			return nil
		}
	}
	switch {
	case !configured.IsSet() || configured.Name() == memqueue.QueueType:
		if settings, err := memqueue.SettingsForUserConfig(configured.Config()); err == nil {
			sharedfields.Accept() // encoded before they wait
			return eventqueue.Factory(settings)
		}
	case configured.Name() == libdiskqueue.QueueType:
		if settings, err := libdiskqueue.SettingsForUserConfig(configured.Config()); err == nil {
			return diskqueue.Factory(libdiskqueue.FactoryForSettings(settings), countRenamed(registry, log))
		}
	}
	return nil
}

// topLevelQueue returns the settings of the queue at the top level of the
// configuration that the output's section belongs to. They are not known if the
// section came alone, as from Elastic Agent. Reading the Beat's files again would
// not do: they may have changed, and a pipe has nothing left.
func topLevelQueue(cfg *conf.C) (queue conf.Namespace, known bool) {
	section := (*ucfg.Config)(cfg)
	whole := section
	for parent := whole.Parent(); parent != nil; parent = parent.Parent() {
		whole = parent
	}
	if whole == section {
		return queue, false
	}
	var settings struct {
		Queue conf.Namespace `config:"queue"`
	}
	err := (*conf.C)(whole).Unpack(&settings)
	return settings.Queue, err == nil
}

// countRenamed returns a func that counts keys of events that were renamed on
// their way into the disk queue.
func countRenamed(registry *monitoring.Registry, log *logp.Logger) func(keys int) {
	count := monitoring.NewUint(registry, "queue.renamed_keys")
	var once sync.Once
	return func(keys int) {
		count.Add(uint64(keys))
		once.Do(func() {
			log.Warn(`An event has an empty key, which the disk queue cannot hold: it is renamed to "_"; queue.renamed_keys counts further ones`)
		})
	}
}
