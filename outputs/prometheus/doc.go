// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package prometheus serves the metrics of a Beat, and those of output.websocket, as text
// for Prometheus at /metrics, beside /stats. A table says which number has which name:
// labels come from sets that the code bounds, and nothing else that is text is served.
package prometheus
