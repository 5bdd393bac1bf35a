// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package post

import (
	"net/http"
	"strconv"
	"time"

	"filebeat-websocket/receiver"
)

// answer is a response other than 204. The reason has no content of the body.
type answer struct {
	status        int
	reason        string
	cause         error // for observers
	pause         time.Duration
	header, value string // one more header of the response
	end           bool   // of the connection, as the rest of the body is not read
	observed      bool   // the observers have been told
}

// retryLater says why the client has to send the request again.
func retryLater(reason string) *answer {
	return &answer{status: http.StatusServiceUnavailable, reason: reason, end: true}
}

// refusal returns what observers are told.
func (a *answer) refusal() *receiver.Refusal {
	return &receiver.Refusal{Reason: a.reason, Retry: a.isForNow() || a.status == http.StatusRequestTimeout, Pause: a.pause, Cause: a.cause}
}

func (a *answer) isForNow() bool { return a.status == http.StatusServiceUnavailable }

func (a *answer) write(w http.ResponseWriter) {
	if a == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	header := w.Header()
	if a.isForNow() {
		// Whole seconds, rounded up.
		seconds := max(1, (a.pause+time.Second-1)/time.Second)
		header.Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	}
	if a.header != "" {
		header.Set(a.header, a.value)
	}
	if a.end {
		header.Set("Connection", "close")
	}
	http.Error(w, a.reason, a.status)
}
