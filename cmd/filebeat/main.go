// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Command filebeat is Filebeat with output.websocket: the stock open source
// Filebeat of the Beats version in go.mod, one import more, and /metrics for Prometheus.
//
// A Beat of one's own takes the output the same way: blank-import
// filebeat-websocket/outputs/websocket in its main package.
package main

import (
	"fmt"
	"os"
	_ "time/tzdata" // time zones for processors, on machines that lack them

	"github.com/spf13/cobra"

	"github.com/elastic/beats/v7/filebeat/beater"
	"github.com/elastic/beats/v7/filebeat/cmd"
	inputs "github.com/elastic/beats/v7/filebeat/input/default-inputs"
	"github.com/elastic/beats/v7/libbeat/cmd/instance"

	"filebeat-websocket/cmd/filebeat/internal/quiet"
	"filebeat-websocket/cmd/filebeat/internal/stoppable"
	"filebeat-websocket/cmd/filebeat/internal/unhurried"
	"filebeat-websocket/cmd/internal/memory"
	"filebeat-websocket/outputs/prometheus"
	"filebeat-websocket/outputs/sharedfields"
	_ "filebeat-websocket/outputs/websocket" // registers output.websocket
)

func main() {
	memory.Tune()
	settings := cmd.FilebeatSettings("")
	settings.Processing = sharedfields.Support(quiet.Support)
	plugins := unhurried.Filestream(inputs.Init)
	command := cmd.Filebeat(plugins, settings)
	settings.IndexPrefix = settings.Name // as libbeat's own command does
	creator, err := stoppable.Autodiscover(beater.New(plugins))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	creator = prometheus.Beside(creator)
	command.RunCmd.Run = func(*cobra.Command, []string) {
		if err := instance.Run(settings, creator); err != nil {
			os.Exit(1)
		}
	}
	command.Run = command.RunCmd.Run
	if err := command.Execute(); err != nil {
		os.Exit(1)
	}
}
