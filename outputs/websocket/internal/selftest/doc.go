// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package selftest is what `filebeat test output` needs beside a connect: which hosts were
// tested, over all clients of an output, and a strategy that waits for an answer to a Ping.
// The output's clients call it. It neither dials nor prints.
package selftest
