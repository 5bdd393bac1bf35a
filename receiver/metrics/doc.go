// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package metrics counts what a receiver.Handler does, for Prometheus. It is a
// package of its own so that importing receiver alone does not bring the client
// library.
//
//	m := metrics.New()
//	m.WatchOutput("/var/log/records")
//	ingest, err := receiver.New(metrics.Count(m, sink), receiver.Options{
//		Observers: []receiver.Observer{m.Observer()},
//	})
//	...
//	http.Handle("/ingest", m.CountRequests(ingest))
//	http.Handle("/metrics", m.Handler())
//
// The metrics are in a registry of their own: several receivers in one process
// do not meet, and nothing else of the process comes along.
package metrics
