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

// memoryQueue returns the maker of the memory queue with the settings that stand
// inside the output or at the top level, or with libbeat's defaults if no queue
// does. It returns nil if the queue is to be libbeat's own: another kind of queue,
// settings that are not known, or in which libbeat will find an error.
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

// topLevelQueue reads the Beat's configuration again, files and -E: libbeat does
// not hand the queue at the top level to an output. It is not known where the
// configuration comes from elsewhere.
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
