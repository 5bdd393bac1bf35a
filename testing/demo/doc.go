// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Command demo writes a web server's log as it might grow, lets ./filebeat send
// it to ./wsreceiver, and says where the live tail shows the lines as they arrive:
// http://127.0.0.1:8080/, or another port if that one is taken. `mage demo` builds
// both and runs it.
//
// It runs until Ctrl-C. With DEMO_SECONDS=10, or where its output is no terminal,
// it ends by itself. Every line that it writes has a number; the exit code is not
// 0 if one of them did not arrive.
package main
