// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Command demo writes the log of a simulated web server, which ./filebeat sends to
// ./wsreceiver, and prints the address of the live tail, where the lines can be seen
// as they arrive: http://127.0.0.1:8080/, or another port if that one is taken.
// `mage demo` builds both programs and runs it.
//
// It runs until Ctrl-C. With DEMO_SECONDS=10, or if its output is not a terminal,
// it ends by itself. Every line has a number. The exit code is 1 if a line did not
// arrive.
package main
