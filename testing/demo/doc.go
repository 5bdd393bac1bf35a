// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Command demo writes a web server's log as it might grow, lets ./filebeat send
// it to ./wsreceiver, and shows the lines as they arrive. `mage demo` builds both
// and runs it.
//
// It runs until Ctrl-C. With DEMO_SECONDS=10, or where its output is no terminal,
// it ends by itself. Every line that it writes has a number; the exit code is not
// 0 if one of them did not arrive.
package main
