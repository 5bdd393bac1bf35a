// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package quiet leaves lines out of Filebeat's log that mean nothing with this output:
// that the ingest pipelines of Elasticsearch are not loaded, and, where no module is
// configured, that there is no folder of modules. An operator who sees a warning at every
// start learns to overlook warnings.
package quiet

import (
	"strings"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/publisher/processing"
	"github.com/elastic/elastic-agent-libs/config"
	"github.com/elastic/elastic-agent-libs/logp"
	"go.uber.org/zap/zapcore"
)

const (
	noPipelines = "Filebeat is unable to load the ingest pipelines"
	noModules   = "Not loading modules. Module directory not found"
)

// Support is libbeat's own support for processors. libbeat makes it after it has set up
// its log and before it makes Filebeat, which is when the lines have to be known. At the
// level debug the log stays as it is.
func Support(info beat.Info, log *logp.Logger, whole *config.C) (processing.Supporter, error) {
	if err := filter(whole); err != nil {
		return nil, err
	}
	return processing.MakeDefaultBeatSupport(true)(info, log, whole)
}

func filter(whole *config.C) error {
	level := logp.GetLevel()
	if level == zapcore.DebugLevel {
		return nil
	}
	unwanted := []string{noPipelines}
	if !hasModules(whole) {
		unwanted = append(unwanted, noModules)
	}
	same := logp.DefaultConfig(logp.DefaultEnvironment)
	same.Level = logp.Level(level)
	return logp.ConfigureWithCore(same, core{Core: logp.L().Core(), unwanted: unwanted})
}

func hasModules(whole *config.C) bool {
	var settings struct {
		Modules []*config.C `config:"filebeat.modules"`
		Folder  *config.C   `config:"filebeat.config.modules"`
	}
	return whole.Unpack(&settings) == nil && (len(settings.Modules) > 0 || settings.Folder.Enabled())
}

// core passes on everything but what begins like an unwanted line.
type core struct {
	zapcore.Core
	unwanted []string
}

// With keeps the filter.
func (c core) With(fields []zapcore.Field) zapcore.Core {
	c.Core = c.Core.With(fields)
	return c
}

// Write leaves an unwanted line out. What logp puts around a core asks Write, not Check.
func (c core) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	for _, line := range c.unwanted {
		if strings.HasPrefix(entry.Message, line) {
			return nil
		}
	}
	// logp's wrapper has added the version of ECS at the end, and the one inside adds it again.
	if last := len(fields) - 1; last >= 0 && fields[last].Key == "ecs.version" {
		fields = fields[:last]
	}
	return c.Core.Write(entry, fields)
}
