// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"

	"filebeat-websocket/protocol/deflate"
)

// maxInterim is the maximum number of interim answers that are read over.
const maxInterim = 16

// interim reports whether a status is that of an interim answer (RFC 9110 15.2): the
// final one follows. 101 is final here, since the connection changes its protocol.
func interim(status int) bool {
	return status/100 == 1 && status != http.StatusSwitchingProtocols
}

// answerReader is the beginning of what the server sends, changed so that the library
// understands it: without interim answers, and with what it requires of an agreement on
// compression. It reads a source whose length before the upgrade is limited.
type answerReader struct {
	source   *bufio.Reader
	compress bool // compression was offered

	read     bool   // the header was read from the source
	switched bool   // it has status 101: frames follow
	ready    []byte // what is left of it
	err      error  // with which it ended
}

func newAnswer(source io.Reader, compress bool) *answerReader {
	return &answerReader{source: bufio.NewReader(source), compress: compress}
}

// Read implements io.Reader. It returns the header, and then the rest of the source.
func (a *answerReader) Read(p []byte) (int, error) {
	if !a.read {
		a.read = true
		a.readHeader()
	}
	switch {
	case len(a.ready) > 0:
		n := copy(p, a.ready)
		a.ready = a.ready[n:]
		return n, nil
	case a.err != nil:
		return 0, a.err
	default:
		return a.source.Read(p)
	}
}

// passed reports whether everything that was read from the source was returned. The
// next read can be one of the source.
func (a *answerReader) passed() bool {
	return a.read && len(a.ready) == 0 && a.err == nil && a.source.Buffered() == 0
}

// inHeader reports whether the next read is one of the header.
func (a *answerReader) inHeader() bool { return !a.read || len(a.ready) > 0 }

// readHeader reads the header of the final answer.
func (a *answerReader) readHeader() {
	for range maxInterim {
		var status int
		if a.ready, status, a.err = a.readBlock(); a.err != nil || !interim(status) {
			a.switched = status == http.StatusSwitchingProtocols
			return
		}
	}
}

// readBlock reads up to and including an empty line, and returns the status in the first
// line. If that is not HTTP, it returns only that line, with the status 0.
func (a *answerReader) readBlock() (block []byte, status int, err error) {
	for {
		line, err := a.source.ReadBytes('\n')
		if err != nil {
			return append(block, line...), status, err
		}
		if block == nil {
			if status = statusOf(line); status == 0 {
				return line, 0, nil
			}
		}
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			return append(block, line...), status, nil
		}
		if status == http.StatusSwitchingProtocols && a.compress {
			line = completed(line)
		}
		block = append(block, line...)
	}
}

// statusOf returns the status in a status line (RFC 9112 4), 0 if it is not one.
func statusOf(line []byte) int {
	version, rest, _ := bytes.Cut(line, []byte(" "))
	if !bytes.HasPrefix(version, []byte("HTTP/1.")) || len(rest) < 3 {
		return 0
	}
	status, err := strconv.ParseUint(string(rest[:3]), 10, 16)
	if err != nil {
		return 0
	}
	return int(status)
}

// completed adds client_no_context_takeover to an agreement on compression that lacks
// it, since the library requires it. It was offered, and a server that does not mention
// it (RFC 7692 7.1.1.2) keeps its window from message to message, which does no harm
// to messages that are compressed by themselves.
func completed(line []byte) []byte {
	name, value, _ := strings.Cut(strings.TrimRight(string(line), "\r\n"), ":")
	if !strings.EqualFold(name, "Sec-WebSocket-Extensions") {
		return line
	}
	picked := deflate.Parse(value)
	if picked.Name != deflate.Name || !picked.Has(deflate.ServerNoContext) || picked.Has(deflate.ClientNoContext) {
		return line
	}
	return []byte(name + ":" + value + "; " + deflate.ClientNoContext + "\r\n")
}
