// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package beattest

import (
	"bytes"
	"sync"
)

// outputBuffer keeps what a process writes. It can be read at the same time.
type outputBuffer struct {
	mutex   sync.Mutex
	written bytes.Buffer
	changed chan struct{} // closed by the next Write
}

func newOutputBuffer() *outputBuffer { return &outputBuffer{changed: make(chan struct{})} }

func (o *outputBuffer) Write(p []byte) (int, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	close(o.changed)
	o.changed = make(chan struct{})
	return o.written.Write(p)
}

// read returns everything so far, and a channel that is closed when there is more.
func (o *outputBuffer) read() (text string, changed <-chan struct{}) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.written.String(), o.changed
}
