// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"bytes"
	"net/http"
	"time"
)

const (
	// streamWriteTimeout is how long a viewer may take for what is sent at once.
	streamWriteTimeout = 10 * time.Second
	// accessInterval is how often a stream asks whether its session is still good.
	accessInterval = 5 * time.Second
	// retryLine tells the browser to come again a second after the stream ends.
	retryLine = "retry: 1000\n\n"
)

// stream serves one viewer until it hangs up, the Tail ends, or its token does.
func (t *Tail) stream(w http.ResponseWriter, r *http.Request) {
	if !t.access.allowed(r) {
		unauthorized(w)
		return
	}
	if t.viewers.Add(1) > int64(t.options.MaxViewers) {
		t.viewers.Add(-1)
		w.Header().Set("Retry-After", "5")
		http.Error(w, "too many are looking", http.StatusServiceUnavailable)
		return
	}
	defer t.viewers.Add(-1)
	v := newViewer(t.options.RowsPerSecond)
	v.signedIn = t.access.valid != nil
	var err error
	if v.query, err = parseQuery(r.URL.Query()); err != nil {
		v.problem = err.Error()
	}
	select {
	case t.joins <- v:
	case <-t.done:
		http.Error(w, "shutting down", http.StatusServiceUnavailable)
		return
	}
	defer func() {
		select {
		case t.leaves <- v:
		case <-t.done:
		}
	}()
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would hold it back
	t.feed(r, http.NewResponseController(w), w, v)
}

func (t *Tail) feed(r *http.Request, control *http.ResponseController, w http.ResponseWriter, v *viewer) {
	check := time.NewTicker(accessInterval)
	defer check.Stop()
	var b bytes.Buffer
	b.WriteString(retryLine)
	for {
		if b.Len() > 0 {
			// A ResponseWriter without deadlines has those of its server.
			_ = control.SetWriteDeadline(time.Now().Add(streamWriteTimeout))
			if _, err := w.Write(b.Bytes()); err != nil || control.Flush() != nil {
				return
			}
			b.Reset()
		}
		select {
		case <-v.wake:
			v.take(&b)
		case <-check.C:
			if !t.access.allowed(r) {
				return
			}
		case <-t.done:
			return
		case <-r.Context().Done():
			return
		}
	}
}
