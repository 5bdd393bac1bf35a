// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"github.com/elastic/beats/v7/libbeat/cfgfile"
	"github.com/elastic/beats/v7/libbeat/publisher/queue"
	"github.com/elastic/beats/v7/libbeat/publisher/queue/memqueue"
	conf "github.com/elastic/elastic-agent-libs/config"

	"filebeat-websocket/outputs/eventqueue"
)

// memoryQueue returns the factory of the memory queue. The settings are those inside
// the output, else those at the top level, else libbeat's defaults. It returns nil
// if libbeat is to make the queue: for another kind of queue, for unknown settings,
// and for settings in which libbeat will find an error.
func memoryQueue(inside conf.Namespace) queue.QueueFactory {
	configured := inside
	if !inside.IsSet() {
		var known bool
		if configured, known = topLevelQueue(); !known {
			return nil
		}
	}
	if configured.IsSet() && configured.Name() != memqueue.QueueType {
		return nil
	}
	settings, err := memqueue.SettingsForUserConfig(configured.Config())
	if err != nil {
		return nil
	}
	return eventqueue.Factory(settings)
}

// topLevelQueue reads the Beat's configuration again, from its files and -E, because
// libbeat does not pass the queue at the top level to an output. It is not known if
// the configuration comes from somewhere else.
func topLevelQueue() (queue conf.Namespace, known bool) {
	whole, err := cfgfile.Load("", nil)
	if err != nil {
		return queue, false
	}
	var settings struct {
		Queue conf.Namespace `config:"queue"`
	}
	err = whole.Unpack(&settings)
	return settings.Queue, err == nil
}
