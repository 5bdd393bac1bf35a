// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package sharedfields

import (
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/publisher/processing"
	conf "github.com/elastic/elastic-agent-libs/config"
	"github.com/elastic/elastic-agent-libs/logp"
	"github.com/elastic/elastic-agent-libs/mapstr"
)

// Support returns a factory of processing that does what the processing of inner does.
func Support(inner processing.SupportFactory) processing.SupportFactory {
	return func(info beat.Info, log *logp.Logger, cfg *conf.C) (processing.Supporter, error) {
		supporter, err := inner(info, log, cfg)
		if err != nil {
			return nil, err
		}
		return &support{Supporter: supporter, debug: log.IsDebug(), timeSeries: cfg.HasField("timeseries")}, nil
	}
}

type support struct {
	processing.Supporter
	debug      bool // events are written to the log
	timeSeries bool // a processor may look at whole events

	mutex  sync.Mutex
	newest *Fields // of the client that connected last: those of another one of the same input are equal
}

// Create implements processing.Supporter.
func (s *support) Create(cfg beat.ProcessingConfig, drop bool) (beat.Processor, error) {
	whole, err := s.Supporter.Create(cfg, drop)
	input := inputType(cfg)
	if err != nil || drop || !slices.Contains(fileInputs, input) || cfg.EventNormalization != nil {
		return whole, err
	}
	p := &processor{Processor: whole}
	if accepted.Load() && input == filestream && s.addsOnlyFields(cfg) {
		p.shared = s.sharedBy(whole)
	}
	if p.shared == nil {
		off := false
		cfg.EventNormalization = &off
		// Both have the same processors of the client, which are closed once.
		if p.normal, err = s.Supporter.Create(cfg, drop); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// The inputs that make new maps for each event. Those of filestream also name the file's
// entry in the registry, so that nobody has to look for it in shared fields.
const filestream = "filestream"

var fileInputs = []string{filestream, "log", "container"}

// inputType returns the type of the client's input, empty if it is unknown.
func inputType(cfg beat.ProcessingConfig) string {
	value, err := cfg.Fields.GetValue("input.type")
	if err != nil {
		return ""
	}
	name, _ := value.(string)
	return name
}

// addsOnlyFields reports whether processing adds fields that are the same for all events,
// and does nothing else to normal events.
func (s *support) addsOnlyFields(cfg beat.ProcessingConfig) bool {
	return !s.debug && !s.timeSeries && len(s.Processors()) == 0 &&
		(cfg.Processor == nil || len(cfg.Processor.All()) == 0) &&
		cfg.DynamicFields == nil && len(cfg.Meta) == 0
}

// sharedBy returns the fields that a processor adds to each event. It returns nil if
// it does more, or if these fields could concern what a file's event has itself.
func (s *support) sharedBy(p beat.Processor) *Fields {
	const sample = "a field that no configuration adds"
	at := time.Now()
	event, err := p.Run(&beat.Event{Timestamp: at, Fields: mapstr.M{sample: sample}})
	if err != nil || event == nil || len(event.Meta) > 0 || !event.Timestamp.Equal(at) {
		return nil
	}
	delete(event.Fields, sample)
	for _, own := range []string{messageField, logField} {
		if _, has := event.Fields[own]; has {
			return nil
		}
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.newest == nil || !reflect.DeepEqual(s.newest.fields, event.Fields) {
		s.newest = New(event.Fields.Clone())
	}
	return s.newest
}
