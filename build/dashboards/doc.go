// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package dashboards writes the dashboards for Grafana from one description. The files
// stand beside it; `go tool mage dashboards` writes them, and `go tool mage check` compares
// them.
package dashboards
