// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package browser tests the live tail of wsreceiver in a real browser, Debian's
// Chromium driven by playwright-core, with the real program and realistic traffic. It
// needs node and npm, and installs the rest.
//
//	go test -count=1 -timeout=10m ./testing/browser
//
// With -update it also makes the pictures of docs/images.
package browser
