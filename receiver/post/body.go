// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package post

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/budget"
)

// ErrTooLong is the cause of the Refusal of a body that is longer than
// Options.MaxBodyBytes.
var ErrTooLong = errors.New("the body is too long")

// errShutdown is for a body that was still arriving at Handler.Shutdown.
var errShutdown = errors.New("shutting down")

// watchedBody remembers an error of the connection.
type watchedBody struct {
	body io.Reader
	err  error
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}

// read reads the body of a request into buffer. It returns the answer if it cannot.
func (h *Handler) read(w http.ResponseWriter, r *http.Request, client *receiver.Client, buffer *budget.Buffer, coding string) *answer {
	if r.ContentLength > h.options.MaxBodyBytes {
		return h.tooLong()
	}
	control := http.NewResponseController(w)
	// These fail only for a test's writer without deadlines. The server's deadline for the
	// answer counts from the header of the request.
	_ = control.SetWriteDeadline(time.Time{})
	_ = control.SetReadDeadline(time.Now().Add(h.options.BodyTimeout))
	interrupt := func() { _ = control.SetReadDeadline(time.Unix(1, 0)) }
	stopOnCause := context.AfterFunc(client.Context(), interrupt)
	stopOnShutdown := context.AfterFunc(h.reading, interrupt)

	client.Begin()
	body := &watchedBody{body: http.MaxBytesReader(w, r.Body, h.options.MaxBodyBytes)}
	from, free, err := inflated(body, coding, client, min(maxWindow, 4*h.options.MaxBodyBytes))
	if err == nil {
		err = buffer.ReadAll(from, h.options.MaxBodyBytes)
	}
	free()

	isShutdown, isCaused := !stopOnShutdown(), !stopOnCause()
	switch {
	case errors.Is(context.Cause(client.Context()), budget.ErrShort):
		return short()
	case isShutdown:
		return retryLater(errShutdown.Error())
	case err == nil && isCaused:
		return causeOf(client.Context())
	case err == nil:
		_ = control.SetReadDeadline(time.Time{}) // otherwise it would end the wait for Commit
		return nil
	}
	// net/http ends the context of a request whose body cannot be read, so the context does
	// not tell the reason.
	return h.answerOf(err, body.err, coding)
}

// answerOf returns the answer for a body that could not be read: err is the reason, failed
// the error of the connection, if any.
func (h *Handler) answerOf(err, failed error, coding string) *answer {
	if wide, ok := errors.AsType[*windowError](err); ok {
		return &answer{status: http.StatusRequestEntityTooLarge, reason: wide.Error(), end: true}
	}
	_, isTooLong := errors.AsType[*http.MaxBytesError](failed)
	switch {
	case errors.Is(err, budget.ErrShort):
		return short()
	case errors.Is(err, budget.ErrTooLong), isTooLong:
		return h.tooLong()
	case errors.Is(failed, os.ErrDeadlineExceeded):
		return &answer{status: http.StatusRequestTimeout, reason: fmt.Sprintf("the body took longer than %s", h.options.BodyTimeout), end: true}
	case failed != nil:
		return &answer{status: http.StatusBadRequest, reason: "the body ends too early", end: true, observed: true} // the client is gone
	}
	return &answer{status: http.StatusBadRequest, reason: "the body is not valid " + coding + ", or cut short", cause: err, end: true}
}

func (h *Handler) tooLong() *answer {
	return &answer{
		status: http.StatusRequestEntityTooLarge, cause: ErrTooLong, end: true,
		reason: fmt.Sprintf("the body is longer than %d bytes", h.options.MaxBodyBytes),
	}
}

// causeOf returns the answer for a client whose context has ended.
func causeOf(ctx context.Context) *answer {
	if errors.Is(context.Cause(ctx), budget.ErrShort) {
		return short()
	}
	return &answer{status: http.StatusServiceUnavailable, reason: "the request was cut", end: true, observed: true}
}

func short() *answer { return retryLater(budget.ErrShort.Error()) }
