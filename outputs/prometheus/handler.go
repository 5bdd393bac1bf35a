// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"bytes"
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
	conf "github.com/elastic/elastic-agent-libs/config"
	"github.com/elastic/elastic-agent-libs/monitoring"
)

// Path is where the metrics are served.
const Path = "/metrics"

// ContentType is that of Prometheus' text format.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Beside returns a creator of Beats that serve their metrics at Path, too, if they serve
// them at all (http.enabled).
func Beside(creator beat.Creator) beat.Creator {
	return func(b *beat.Beat, config *conf.C) (beat.Beater, error) {
		if b.API != nil {
			handler := NewHandler(monitoring.GetNamespace("stats").GetRegistry(), b.Info.Version)
			if err := b.API.AttachHandler(Path, handler); err != nil {
				return nil, err
			}
		}
		return creator(b, config)
	}
}

// NewHandler serves the numbers of a registry.
func NewHandler(registry *monitoring.Registry, version string) http.Handler {
	started := time.Now()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "GET only", http.StatusMethodNotAllowed)
			return
		}
		var page page
		page.family("filebeat_info", "The version that runs.", "gauge")
		page.sample("filebeat_info", "version", version, 1)
		page.family("process_start_time_seconds", "When the process started, in seconds since 1970.", "gauge")
		page.sample("process_start_time_seconds", "", "", float64(started.UnixMilli())*milli)
		page.numbers(monitoring.CollectFlatSnapshot(registry, monitoring.Full, false))
		w.Header().Set("Content-Type", ContentType)
		_, _ = w.Write(page.Bytes()) // a client that is gone needs no answer
	})
}

// page is text for Prometheus.
type page struct{ bytes.Buffer }

func (p *page) family(name, help, kind string) {
	p.WriteString("# HELP " + name + " " + help + "\n# TYPE " + name + " " + kind + "\n")
}

// sample writes a number; label may be empty.
func (p *page) sample(name, label, value string, number float64) {
	p.WriteString(name)
	if label != "" {
		p.WriteString("{" + label + "=\"" + escaper.Replace(value) + "\"}")
	}
	p.WriteString(" " + strconv.FormatFloat(number, 'g', -1, 64) + "\n")
}

var escaper = strings.NewReplacer("\\", `\\`, `"`, `\"`, "\n", `\n`)

// numbers writes all families of which the snapshot has numbers.
func (p *page) numbers(snapshot monitoring.FlatSnapshot) {
	all := make(map[string]float64, len(snapshot.Ints)+len(snapshot.Floats))
	for path, number := range snapshot.Ints {
		all[path] = float64(number)
	}
	maps.Copy(all, snapshot.Floats)
	for _, m := range table {
		scale := cmp.Or(m.scale, 1)
		below, several := strings.CutSuffix(m.path, "*")
		if !several {
			if number, has := all[m.path]; has {
				p.family(m.name, m.help, m.kind())
				p.sample(m.name, "", "", number*scale)
			}
			continue
		}
		parts := map[string]float64{}
		for path, number := range all {
			if part, is := strings.CutPrefix(path, below); is {
				parts[part] = number
			}
		}
		if len(parts) == 0 {
			continue
		}
		p.family(m.name, m.help, m.kind())
		if m.histogram {
			p.histogram(m.name, scale, parts)
			continue
		}
		if m.summary {
			p.summary(m.name, scale, parts)
			continue
		}
		for _, part := range sorted(parts) {
			p.sample(m.name, m.label, part, parts[part]*scale)
		}
	}
}

// histogram writes the buckets, whose names are their limits.
func (p *page) histogram(name string, scale float64, parts map[string]float64) {
	limits := map[string]float64{}
	for part := range parts {
		if limit, err := strconv.ParseFloat(part, 64); err == nil {
			limits[part] = limit
		}
	}
	names := sorted(limits)
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(limits[a], limits[b]) })
	for _, part := range names {
		p.sample(name+"_bucket", "le", strconv.FormatFloat(limits[part]*scale, 'g', 6, 64), parts[part])
	}
	p.sample(name+"_bucket", "le", "+Inf", parts["count"])
	p.sample(name+"_sum", "", "", parts["sum"]*scale)
	p.sample(name+"_count", "", "", parts["count"])
}

// quantiles are those of libbeat's histograms, by Prometheus' names.
var quantiles = []struct{ part, quantile string }{
	{"median", "0.5"}, {"p75", "0.75"}, {"p95", "0.95"}, {"p99", "0.99"}, {"p999", "0.999"},
}

// summary has no sum: libbeat knows that of a sample only.
func (p *page) summary(name string, scale float64, parts map[string]float64) {
	for _, q := range quantiles {
		if number, has := parts[q.part]; has && parts["count"] > 0 {
			p.sample(name, "quantile", q.quantile, number*scale)
		}
	}
	p.sample(name+"_count", "", "", parts["count"])
}

func sorted(parts map[string]float64) []string {
	names := make([]string, 0, len(parts))
	for name := range parts {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
