// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	conf "github.com/elastic/elastic-agent-libs/config"
)

// testCase is one filebeat to measure.
type testCase struct {
	name   string
	stock  bool           // plain Filebeat instead of the distribution
	before bool           // the earlier binary of the distribution
	base   string         // of its configuration: one of the following
	load   string         // name of its input; "access" unless set
	output string         // discard, logstash, redis or websocket
	input  map[string]any // settings of the input, beside those of the base
	set    map[string]any // settings of the output
	delay  bool           // the server is behind the slow link
	group  controlGroup   // to run in; empty for none
	gogc   string         // GOGC in the environment, the binary's own setting if empty
}

// What a configuration is based on.
const (
	defaultQueue = "default queue" // nothing but input and output
	tunedQueue   = "tuned queue"   // queue and batches of 1600
	shippedFile  = "shipped file"  // the filebeat.yml at the root
)

// tunedSettings are tunedQueue's.
var tunedSettings = map[string]any{"queue.mem": map[string]any{"events": 12800, "flush.min_events": 1600, "flush.timeout": "5s"}}

// writeConfig writes filebeat's configuration for a run to its folder.
func (b *bench) writeConfig(c testCase, folder string) (path string, err error) {
	config := map[string]any{}
	switch c.base {
	case tunedQueue:
		maps.Copy(config, tunedSettings)
	case shippedFile:
		content, err := os.ReadFile("filebeat.yml")
		if err != nil {
			return "", err
		}
		shipped, err := conf.NewConfigWithYAML(content, "filebeat.yml")
		if err == nil {
			err = shipped.Unpack(&config)
		}
		if err != nil {
			return "", fmt.Errorf("filebeat.yml: %w", err)
		}
	}
	if err := b.setInput(config, c); err != nil {
		return "", err
	}
	config["output"] = map[string]any{c.output: b.outputSettings(c)}
	maps.Copy(config, map[string]any{
		"path.home":               folder,
		"logging.to_stderr":       true,
		"logging.level":           "warning",
		"logging.metrics.enabled": false,
		"http.enabled":            true,
		"http.host":               "unix://" + socket(folder),
	})
	content, err := json.Marshal(config) // which is YAML
	if err != nil {
		return "", err
	}
	path = filepath.Join(folder, "filebeat.yml")
	return path, os.WriteFile(path, content, 0o600)
}

// setInput makes filebeat read the load. If the base is the shipped file, its other
// settings of the input are kept.
func (b *bench) setInput(config map[string]any, c testCase) error {
	input := map[string]any{"type": "filestream", "id": "bench"}
	if part, ok := config["filebeat"].(map[string]any); ok {
		inputs, ok := part["inputs"].([]any)
		if !ok || len(inputs) != 1 {
			return fmt.Errorf("filebeat.yml: one input expected, there are %d", len(inputs))
		}
		if input, ok = inputs[0].(map[string]any); !ok {
			return fmt.Errorf("filebeat.yml: an input that is a %T", inputs[0])
		}
	}
	maps.Copy(input, c.input)
	input["paths"] = []any{filepath.Join(b.folder, c.load, "*.log")}
	part, _ := config["filebeat"].(map[string]any)
	if part == nil {
		part = map[string]any{}
	}
	part["inputs"] = []any{input}
	config["filebeat"] = part
	return nil
}

func (b *bench) outputSettings(c testCase) map[string]any {
	config := map[string]any{}
	switch c.output {
	case "logstash":
		config["hosts"] = []any{b.sinks.lumberjack.Addr().String()}
		config["compression_level"] = 0
	case "redis":
		config["hosts"] = []any{b.sinks.redis.Addr().String()}
		config["key"] = "filebeat"
	case "websocket":
		config["hosts"] = []any{b.sinks.webSocketURL()}
		if c.delay {
			config["hosts"] = []any{"ws://" + b.slowAddress}
		}
	}
	maps.Copy(config, c.set)
	return config
}
