// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package reference makes filebeat.reference.yml, for the targets in the magefiles:
// every section of stock Filebeat, from the templates of the Beats module, and
// output.websocket as the output that is on, from templates/. The same version of
// Beats gives the same bytes: nothing here reads a clock, the environment or a
// network.
package reference
