// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package post

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/decode"
)

// Handler is the http.Handler that receives records. Its methods may be called from
// any goroutine.
type Handler struct {
	intake   *receiver.Intake
	options  Options
	decoders map[string]*decode.Decoder // by format

	reading    context.Context // ends when bodies are no longer read
	endReading context.CancelFunc
	serving    context.Context // ends when requests are cut
	endServing context.CancelFunc

	mutex    sync.Mutex
	running  int // requests
	shutting bool
	gone     chan struct{} // closed when shutting and running is 0
}

// New returns a Handler that shares the Intake with other listeners, or an error that
// names the option at fault.
func New(intake *receiver.Intake, options Options) (*Handler, error) {
	if err := options.complete(); err != nil {
		return nil, fmt.Errorf("post: %w", err)
	}
	if err := intake.CheckMessageBytes(options.MaxBodyBytes); err != nil {
		return nil, fmt.Errorf("post: %w", err)
	}
	decoders, err := newDecoders(&options)
	if err != nil {
		return nil, err
	}
	h := &Handler{intake: intake, options: options, decoders: decoders, gone: make(chan struct{})}
	h.reading, h.endReading = context.WithCancel(context.Background())
	h.serving, h.endServing = context.WithCancel(context.Background())
	return h, nil
}

// ServeHTTP receives the records of one request, whatever its path.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.respond(w, r).write(w)
}

// respond returns nil when all records of the request are durable.
func (h *Handler) respond(w http.ResponseWriter, r *http.Request) *answer {
	if r.Method != http.MethodPost {
		return &answer{status: http.StatusMethodNotAllowed, reason: "records come with POST", header: "Allow", value: http.MethodPost}
	}
	if !h.options.CheckOrigin(r) {
		// A page can make a visitor's browser send text without a preflight request.
		return &answer{status: http.StatusForbidden, reason: "the request comes from another site"}
	}
	if !h.enter() {
		return retryLater(errShutdown.Error())
	}
	defer h.leave()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(h.serving, cancel)()
	client, err := h.intake.JoinBriefly(ctx, r.RemoteAddr)
	if err != nil {
		return retryLater(err.Error())
	}
	defer client.Leave(nil)
	if h.options.Sender != nil {
		client.Identify(h.options.Sender(r))
	}
	problem := h.receive(ctx, client, w, r)
	if problem != nil && !problem.observed {
		client.Refused(problem.refusal())
	}
	return problem
}

// receive reads the body, hands its records on, and waits until they are durable.
func (h *Handler) receive(ctx context.Context, client *receiver.Client, w http.ResponseWriter, r *http.Request) *answer {
	format, problem := formatOf(r)
	if problem != nil {
		return problem
	}
	coding, problem := codingOf(r)
	if problem != nil {
		return problem
	}
	buffer := client.Buffer()
	defer buffer.Free()
	if problem := h.read(w, r, client, buffer, coding); problem != nil {
		return problem
	}
	body := buffer.Bytes()
	if format != formatMsgpack {
		body = bytes.TrimPrefix(body, []byte(byteOrderMark))
	}
	decoder, binary, err := h.decoderOf(format, body)
	if err != nil {
		return unfit(err)
	}
	settled := make(chan error, 1)
	var outcome receiver.Outcome
	err = client.Decode(decoder, body, binary, func(list *decode.Records, problem error) error {
		if err := badRecord(list, problem); err != nil {
			return err
		}
		m := receiver.Message{Binary: binary, Bytes: len(body), Format: list.Format(), Records: list.Finish()}
		if len(m.Records) == 0 {
			settled <- nil
			return nil
		}
		if key := r.Header.Get("Idempotency-Key"); key != "" {
			m.Chunks, m.ChunkRecords = []string{keyPrefix + key}, []int{len(m.Records)}
		}
		outcome = client.Take(ctx, &m, func(err error) { settled <- err })
		return nil
	})
	buffer.Free()
	if refused, ok := errors.AsType[*recordError](err); ok {
		return unfit(refused)
	}
	if err != nil {
		return causeOf(client.Context())
	}
	if problem := refusedBySink(outcome); problem != nil {
		return problem
	}
	return await(ctx, settled)
}

// keyPrefix distinguishes a value of Idempotency-Key from the id of a Fluent Forward
// chunk.
const keyPrefix = "Idempotency-Key\x00"

// recordError is for a record that is not valid in the format of the body.
type recordError struct {
	number int // from 1
	err    error
}

func (e *recordError) Error() string { return fmt.Sprintf("record %d: %v", e.number, e.err) }
func (e *recordError) Unwrap() error { return e.err }

// badRecord returns what is wrong with the first bad record, nil if all are good.
func badRecord(list *decode.Records, problem error) error {
	switch {
	case problem != nil:
		return &recordError{list.Total() + 1, problem}
	case list.Problem() != nil:
		return &recordError{list.Bad()[0] + 1, list.Problem()}
	}
	return nil
}

func unfit(err error) *answer {
	if errors.Is(err, decode.ErrTooLong) || errors.Is(err, decode.ErrMemory) {
		return &answer{status: http.StatusRequestEntityTooLarge, reason: errors.Unwrap(err).Error()}
	}
	return &answer{status: http.StatusBadRequest, reason: err.Error()}
}

// refusedBySink returns the answer if the Sink did not take all records.
func refusedBySink(outcome receiver.Outcome) *answer {
	switch refusal := outcome.Refusal; {
	case outcome.Err != nil:
		return &answer{status: http.StatusServiceUnavailable, reason: "the records were not taken", cause: outcome.Err}
	case refusal == nil:
		return nil
	case refusal.Retry:
		return &answer{status: http.StatusServiceUnavailable, reason: refusal.Reason, pause: refusal.Pause, observed: true}
	case len(refusal.Records) > 0:
		return &answer{status: http.StatusBadRequest, reason: fmt.Sprintf("record %d: %s", refusal.Records[0]+1, refusal.Reason), observed: true}
	default:
		return &answer{status: http.StatusBadRequest, reason: refusal.Reason, observed: true}
	}
}

// await waits for Commit. If it fails, the Client tells the observers.
func await(ctx context.Context, settled <-chan error) *answer {
	select {
	case err := <-settled:
		if err == nil {
			return nil
		}
		if refusal, ok := errors.AsType[*receiver.Refusal](err); ok {
			return refusedBySink(receiver.Outcome{Refusal: refusal})
		}
		return &answer{status: http.StatusServiceUnavailable, reason: "the records could not be stored", observed: true}
	case <-ctx.Done():
		return &answer{status: http.StatusServiceUnavailable, reason: "the records may not have been stored", end: true, observed: true}
	}
}

// enter notes that a request begins, and reports whether it may.
func (h *Handler) enter() bool {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if !h.shutting {
		h.running++
	}
	return !h.shutting
}

func (h *Handler) leave() {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.running--
	if h.shutting && h.running == 0 {
		close(h.gone)
	}
}

// Shutdown ends the requests: new ones and those whose body is still arriving get 503,
// the others are answered when their records are durable. It returns nil when all are
// answered. If ctx ends first, it ends the context of their Consume, and returns ctx's
// error. A Handler can't be used again after it.
func (h *Handler) Shutdown(ctx context.Context) error {
	h.mutex.Lock()
	if !h.shutting {
		h.shutting = true
		if h.running == 0 {
			close(h.gone)
		}
	}
	h.mutex.Unlock()
	h.endReading()
	defer h.endServing()
	select {
	case <-h.gone:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("post: requests were cut: %w", context.Cause(ctx))
	}
}

var _ http.Handler = (*Handler)(nil)
