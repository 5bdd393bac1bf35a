// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package lag

import (
	"strconv"

	"github.com/elastic/elastic-agent-libs/monitoring"
)

// detail is the name of the entry with the names of files, and its id.
const detail = "output-websocket"

// Register adds the metrics to a registry, as lag.*, and the files that are farthest
// behind to the one that Filebeat serves at /inputs/. Only the latter has names.
func (t *Tracker) Register(metrics, inputs *monitoring.Registry) {
	monitoring.NewFunc(metrics, "lag", func(_ monitoring.Mode, v monitoring.Visitor) {
		v.OnRegistryStart()
		defer v.OnRegistryFinished()
		reportSummary(v, t.Summary())
	})
	inputs.Remove(detail)
	monitoring.NewFunc(inputs, detail, func(_ monitoring.Mode, v monitoring.Visitor) {
		v.OnRegistryStart()
		defer v.OnRegistryFinished()
		summary := t.Summary()
		monitoring.ReportString(v, "id", detail)
		monitoring.ReportString(v, "input", detail)
		monitoring.ReportNamespace(v, "lag", func() { reportSummary(v, summary) })
		monitoring.ReportNamespace(v, "farthest_behind", func() {
			for i, f := range summary.Worst {
				monitoring.ReportNamespace(v, strconv.Itoa(i+1), func() { reportFile(v, f) })
			}
		})
	})
}

func reportSummary(v monitoring.Visitor, s Summary) {
	monitoring.ReportFloat(v, "seconds", s.Age.Seconds())
	monitoring.ReportInt(v, "bytes", s.Bytes)
	monitoring.ReportInt(v, "largest_bytes", s.Largest)
	monitoring.ReportInt(v, "files", int64(s.Files))
}

func reportFile(v monitoring.Visitor, f FileLag) {
	monitoring.ReportString(v, "path", f.Path)
	monitoring.ReportInt(v, "size", f.Size)
	monitoring.ReportInt(v, "confirmed", f.Place)
	monitoring.ReportInt(v, "bytes", f.Behind())
	monitoring.ReportFloat(v, "seconds", f.Age.Seconds())
}
