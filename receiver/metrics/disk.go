// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"os"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"
)

// disk describes the file system of an output. It looks when it is asked.
type disk struct {
	folder     string
	free, size *prometheus.Desc
}

// WatchOutput adds the space on the file system of that file or folder, where
// the system can tell.
func (m *Metrics) WatchOutput(name string) {
	folder := name
	if info, err := os.Stat(name); err != nil || !info.IsDir() {
		folder = filepath.Dir(name)
	}
	m.registry.MustRegister(&disk{
		folder: folder,
		free:   prometheus.NewDesc(namespace+"_output_disk_free_bytes", "Bytes on the output's file system that can be written.", nil, nil),
		size:   prometheus.NewDesc(namespace+"_output_disk_size_bytes", "Bytes of the output's file system.", nil, nil),
	})
}

// Describe is for the registry.
func (d *disk) Describe(to chan<- *prometheus.Desc) {
	to <- d.free
	to <- d.size
}

// Collect leaves both out when the system does not tell.
func (d *disk) Collect(to chan<- prometheus.Metric) {
	free, size, err := space(d.folder)
	if err != nil {
		return
	}
	to <- prometheus.MustNewConstMetric(d.free, prometheus.GaugeValue, float64(free))
	to <- prometheus.MustNewConstMetric(d.size, prometheus.GaugeValue, float64(size))
}

var _ prometheus.Collector = (*disk)(nil)
