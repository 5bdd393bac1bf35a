// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package memory sets Go's garbage collector up for a shipper of logs, once, before
// anything else runs. What the environment says goes first.
package memory
