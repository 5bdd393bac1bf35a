// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package reference makes filebeat.reference.yml: every section of stock Filebeat, from
// the templates of the Beats module, and output.websocket as the enabled output, from
// templates/. The same version of Beats gives the same bytes: nothing here reads a clock,
// the environment or a network. Write and Make work on the checkout that is the working
// directory.
package reference
