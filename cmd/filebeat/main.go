// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Command filebeat is Filebeat with output.websocket: the stock open source
// Filebeat of the Beats version in go.mod, and one import more.
//
// A Beat of one's own takes the output the same way: blank-import
// filebeat-websocket/outputs/websocket in its main package.
package main

import (
	"os"
	_ "time/tzdata" // time zones for processors, on machines that lack them

	"github.com/elastic/beats/v7/filebeat/cmd"
	inputs "github.com/elastic/beats/v7/filebeat/input/default-inputs"

	"filebeat-websocket/cmd/filebeat/internal/quiet"
	"filebeat-websocket/cmd/internal/memory"
	"filebeat-websocket/outputs/sharedfields"
	_ "filebeat-websocket/outputs/websocket" // registers output.websocket
)

func main() {
	memory.Tune()
	settings := cmd.FilebeatSettings("")
	settings.Processing = sharedfields.Support(quiet.Support)
	if err := cmd.Filebeat(inputs.Init, settings).Execute(); err != nil {
		os.Exit(1)
	}
}
