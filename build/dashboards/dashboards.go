// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"encoding/json"
	"os"
	"path"
	"strings"
)

// Folder is where the files are, below the root of the module.
const Folder = "build/dashboards"

const (
	panelsInRow  = 4
	panelWidth   = 6 // of 24
	panelHeight  = 8
	titleHeight  = 1
	schema       = 39
	datasource   = "${datasource}"
	refreshEvery = "30s"
)

type object = map[string]any

// Path returns the path of the file, below the root of the module.
func (d Dashboard) Path() string { return path.Join(Folder, d.File) }

// Expression returns the expression for Prometheus, of instances that a regular expression
// matches, with rates over a time.
func (d Dashboard) Expression(q Query, instances, rate string) string {
	return strings.NewReplacer("SELECT", `job="`+d.Job+`",instance=~"`+instances+`"`, "RATE", rate).Replace(q.Expr)
}

// Make returns the file.
func (d Dashboard) Make() ([]byte, error) {
	panels := []object{}
	y := 0
	add := func(panel object, x, width, height int) {
		panel["id"] = len(panels) + 1
		panel["gridPos"] = object{"x": x, "y": y, "w": width, "h": height}
		panels = append(panels, panel)
	}
	for _, row := range d.Rows {
		add(object{"type": "row", "title": row.Title, "collapsed": false, "panels": []object{}}, 0, panelsInRow*panelWidth, titleHeight)
		y += titleHeight
		for i, panel := range row.Panels {
			add(d.panel(panel), i%panelsInRow*panelWidth, panelWidth, panelHeight)
		}
		y += panelHeight
	}
	text, err := json.MarshalIndent(object{
		"uid": d.UID, "title": d.Title, "tags": []string{"filebeat-websocket"},
		"schemaVersion": schema, "refresh": refreshEvery, "editable": true,
		"time":   object{"from": "now-3h", "to": "now"},
		"panels": panels,
		"templating": object{"list": []object{
			{"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"},
			{
				"name": "instance", "type": "query", "label": "Instance", "datasource": prometheusSource(),
				"query": `label_values(up{job="` + d.Job + `"}, instance)`, "refresh": 2, "multi": true, "includeAll": true, "allValue": ".*",
			},
		}},
	}, "", "  ")
	return append(text, '\n'), err
}

func prometheusSource() object { return object{"type": "prometheus", "uid": datasource} }

func (d Dashboard) panel(p Panel) object {
	targets := []object{}
	for i, query := range p.Queries {
		targets = append(targets, object{
			"refId": string(rune('A' + i)), "datasource": prometheusSource(), "legendFormat": query.Legend,
			"expr": d.Expression(query, "$instance", "$__rate_interval"),
		})
	}
	return object{
		"type": "timeseries", "title": p.Title, "description": p.Help, "datasource": prometheusSource(), "targets": targets,
		"fieldConfig": object{"defaults": object{"unit": p.Unit, "min": 0}, "overrides": []object{}},
		"options":     object{"legend": object{"displayMode": "list", "placement": "bottom"}, "tooltip": object{"mode": "multi"}},
	}
}

// Write writes all files. It is run in the root of the module.
func Write() error {
	for _, d := range All {
		text, err := d.Make()
		if err != nil {
			return err
		}
		if err := os.WriteFile(d.Path(), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
