// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"time"

	"filebeat-websocket/receiver/access"
)

const (
	// streamWriteTimeout is how long a viewer may take to receive one write.
	streamWriteTimeout = 10 * time.Second
	// accessInterval is how often a stream asks whether its session is still good.
	accessInterval = 5 * time.Second
	// retryLine tells the browser to come again a second after the stream ends.
	retryLine = "retry: 1000\n\n"
	// maxQueryBytes is the maximum length of a query in a body.
	maxQueryBytes = 32 << 10
)

// stream serves one viewer until it disconnects, the Tail ends, or its token does.
func (t *Tail) stream(w http.ResponseWriter, r *http.Request) {
	if !t.visitors.allowed(r) {
		t.options.Guard.Refuse(w, r)
		return
	}
	if !wantsStream(r) {
		http.Error(w, "send the header Accept: text/event-stream", http.StatusNotAcceptable)
		return
	}
	if t.watching.Add(1) > int64(t.options.MaxViewers) {
		t.watching.Add(-1)
		w.Header().Set("Retry-After", "5")
		http.Error(w, "too many are looking", http.StatusServiceUnavailable)
		return
	}
	defer t.watching.Add(-1)
	access.Keep(r.Context())
	values, err := parameters(w, r)
	if err != nil {
		http.Error(w, "the body is not a form", http.StatusBadRequest)
		return
	}
	asked, err := parseQuery(values)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	v := newViewer(asked, t.options.RowsPerSecond)
	v.signedIn = t.options.Guard.NeedsToken()
	v.search = t.searches.begin(&v.query)
	defer v.search.end()
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
	w.Header().Set("X-Accel-Buffering", "no") // otherwise nginx buffers it
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{}) // a stream lasts longer than the server's timeout for a request
	t.feed(r, control, w, v)
}

// parameters returns the query of a request. The page sends it in a body, so that what
// someone searches for is not in the log of a server or a proxy.
func parameters(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if r.Method != http.MethodPost {
		return r.URL.Query(), nil
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxQueryBytes)
	err := r.ParseForm()
	return r.PostForm, err
}

// wantsStream reports whether a request is from an EventSource or a program, and not
// from an image on a page of another site: over plain HTTP a browser does not say where
// a request comes from.
func wantsStream(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/event-stream") || r.Header.Get("Sec-Fetch-Site") == "same-origin"
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
			v.take(r.Context(), &b)
		case <-check.C:
			if !t.visitors.allowed(r) {
				return
			}
		case <-t.done:
			return
		case <-r.Context().Done():
			return
		}
	}
}
