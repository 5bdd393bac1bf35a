// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package interop holds the tests of the receivers that docs/protocol.md shows.
// They run the code as it stands there, first with a client of the tests' own,
// then with the real filebeat.
//
// The tests need node and npm, and /usr/bin/python3. What the receivers import
// is installed on demand; an installation that fails is a failed test.
package interop
