// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package jetstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/internal/identity"
	"filebeat-websocket/receiver/sink/internal/publish"
	"filebeat-websocket/receiver/sink/internal/route"
)

// Sink publishes records. Its methods may be called from any goroutine.
type Sink struct {
	connection *nats.Conn
	subject    *route.Template
	streams    []string // that acknowledge
	window     *publish.Window
	ackTimeout time.Duration
	inbox      string // with a dot at its end; replies come to it and a number
	replies    *nats.Subscription
	stop       chan struct{}
	stopped    sync.WaitGroup
	number     atomic.Uint64

	mutex   sync.Mutex
	flights map[uint64]flight
	said    error // by the server, since the last acknowledgement
	// A server that syncs each record is slow, and answers in order: a record is lost if a
	// later one was answered, or none at all for some time.
	newest   uint64 // that was answered
	answered time.Time
}

// flight is a record on its way.
type flight struct {
	batch *publish.Batch
	index int
	bytes int
	since time.Time
}

// New connects, and looks for the stream. It returns an error if it cannot do so in ten
// seconds.
func New(ctx context.Context, o Options) (*Sink, error) {
	subject, err := parseSubject(o.Subject)
	if err != nil {
		return nil, err
	}
	s := &Sink{
		subject:    subject,
		window:     publish.NewWindow(o.WindowBytes, o.Changed),
		ackTimeout: cmp.Or(o.ackTimeout, defaultAckTimeout),
		inbox:      nats.NewInbox() + ".",
		stop:       make(chan struct{}),
		flights:    map[uint64]flight{},
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(o.startTimeout, defaultStartTimeout))
	defer cancel()
	if err := s.connect(ctx, o); err != nil {
		return nil, err
	}
	if err := s.begin(ctx, o); err != nil {
		s.connection.Close()
		return nil, err
	}
	s.stopped.Go(s.expireLoop)
	return s, nil
}

func (s *Sink) begin(ctx context.Context, o Options) error {
	if !s.connection.HeadersSupported() {
		return errors.New("the server does not support headers: it is older than 2.2")
	}
	if err := s.openStreams(ctx, o); err != nil {
		return err
	}
	replies, err := s.connection.Subscribe(s.inbox+"*", s.answer)
	if err != nil {
		return fmt.Errorf("subscribe to acknowledgements: %w", err)
	}
	s.replies = replies
	return nil
}

// Streams returns the names of the streams.
func (s *Sink) Streams() []string { return slices.Clone(s.streams) }

// Failed returns why records are refused, nil if they are not.
func (s *Sink) Failed() *receiver.Refusal { return s.window.Failed() }

// Consume publishes the records of m.
func (s *Sink) Consume(ctx context.Context, m *receiver.Message) error {
	if len(m.Records) == 0 {
		return nil
	}
	if !s.connection.IsConnected() {
		return s.away(s.connection.LastError())
	}
	keys, _ := keyPool.Get().(*identity.Keys)
	defer keyPool.Put(keys)
	keys.Find(m.Peer.Sender, m.Format, m.Chunks, m.ChunkRecords, m.Records)
	batch := s.window.Begin(m)
	for i, record := range m.Records {
		if err := batch.Take(ctx, len(record)); err != nil {
			_ = batch.End()
			return err
		}
		s.publish(batch, i, m.Peer, record, keys.Of(i))
	}
	return batch.End()
}

var keyPool = sync.Pool{New: func() any { return new(identity.Keys) }}

// publish hands one record to the connection. Its answer goes to the batch.
func (s *Sink) publish(batch *publish.Batch, index int, peer receiver.Peer, record []byte, key identity.Key) {
	number := s.number.Add(1)
	s.mutex.Lock()
	s.flights[number] = flight{batch: batch, index: index, bytes: len(record), since: time.Now()}
	s.mutex.Unlock()
	message := nats.Msg{Subject: s.subject.Name(peer, record), Reply: s.inbox + strconv.FormatUint(number, 10), Data: record}
	if key != (identity.Key{}) {
		message.Header = nats.Header{nats.MsgIdHdr: {string(key.AppendText(nil))}}
	}
	err := s.connection.PublishMsg(&message)
	switch {
	case err == nil:
	case errors.Is(err, nats.ErrMaxPayload):
		s.land(number, tooLong(fmt.Errorf("%d bytes are more than the max_payload of the server, %d", len(record), s.connection.MaxPayload())))
	default:
		s.land(number, awayRefusal(err))
	}
}

// land answers for a flight, and reports whether it was on its way.
func (s *Sink) land(number uint64, refusal *receiver.Refusal) bool {
	s.mutex.Lock()
	f, ok := s.flights[number]
	delete(s.flights, number)
	if ok && refusal == nil {
		s.said = nil
	}
	s.mutex.Unlock()
	if ok {
		f.batch.Done(f.index, f.bytes, refusal)
	}
	return ok
}

// answer reads the server's answer to one record. One that is unknown, or comes twice,
// means nothing.
func (s *Sink) answer(reply *nats.Msg) {
	number, err := strconv.ParseUint(strings.TrimPrefix(reply.Subject, s.inbox), 10, 64)
	if err != nil {
		return
	}
	s.mutex.Lock()
	s.newest, s.answered = max(s.newest, min(number, s.number.Load())), time.Now()
	s.mutex.Unlock()
	s.land(number, s.judge(reply))
}

// expireLoop refuses what the server has not answered in time.
func (s *Sink) expireLoop() {
	ticker := time.NewTicker(max(s.ackTimeout/10, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			limit := now.Add(-s.ackTimeout)
			s.landAll(func(number uint64, f flight) bool {
				return f.since.Before(limit) && (number < s.newest || s.answered.Before(limit))
			}, s.timeout)
		case <-s.stop:
			return
		}
	}
}

// landAll refuses every flight of which that is true. is runs under the mutex.
func (s *Sink) landAll(is func(uint64, flight) bool, refusal func() *receiver.Refusal) {
	var numbers []uint64
	s.mutex.Lock()
	for number, f := range s.flights {
		if is(number, f) {
			numbers = append(numbers, number)
		}
	}
	s.mutex.Unlock()
	if len(numbers) == 0 {
		return
	}
	said := refusal()
	for _, number := range numbers {
		s.land(number, said)
	}
}

// RefusesLate says that records are refused after Consume, when the server answers.
func (s *Sink) RefusesLate() {}

func all(uint64, flight) bool { return true }

// Commit waits until the stream has answered for everything.
func (s *Sink) Commit(ctx context.Context) error { return s.window.Wait(ctx) }

// Close ends the connection. What is still on its way is refused.
func (s *Sink) Close() error {
	close(s.stop)
	s.stopped.Wait()
	_ = s.connection.FlushTimeout(closeTimeout) // nothing is confirmed by it
	s.connection.Close()
	s.landAll(all, func() *receiver.Refusal { return awayRefusal(nats.ErrConnectionClosed) })
	return nil
}

var _ receiver.LateSink = (*Sink)(nil)
