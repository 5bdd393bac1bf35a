// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/internal/identity"
	"filebeat-websocket/receiver/sink/internal/publish"
	"filebeat-websocket/receiver/sink/internal/route"
)

const (
	dialTimeout = 5 * time.Second
	// answerTimeout is how long a broker may take for a request.
	answerTimeout = 5 * time.Second
	metadataPause = 250 * time.Millisecond
	// maxBuffered is beyond what the window lets in.
	maxBuffered = 1 << 20
	// maxAnswerBytes bounds what is allocated for an answer: its length comes from outside.
	maxAnswerBytes = 8 << 20
	// idHeader names the record beside its key, which some tools replace.
	idHeader = "wsreceiver-id"
	keyBytes = 32 // of its text
)

// Sink produces records. Its methods may be called from any goroutine.
type Sink struct {
	client *kgo.Client
	topic  *route.Template
	window *publish.Window
	create bool
	copies int // of topics that are made; -1 for the brokers' default

	connections atomic.Int64 // to brokers

	mutex  sync.Mutex
	limits map[string]int // max.message.bytes of the topics that are there
}

// New connects, and looks for the topic. It returns an error if it cannot do so in ten
// seconds.
func New(ctx context.Context, o Options) (*Sink, error) {
	topic, err := parseTopic(o.Topic)
	if err != nil {
		return nil, err
	}
	s := &Sink{topic: topic, window: publish.NewWindow(o.WindowBytes, o.Changed), create: o.Create, copies: cmp.Or(o.Replicas, -1), limits: map[string]int{}}
	options := []kgo.Opt{
		kgo.SeedBrokers(o.Brokers...),
		kgo.ClientID("wsreceiver"),
		kgo.RecordPartitioner(kgo.BasicConsistentPartitioner(func(string) func(*kgo.Record, int) int { return partitionOf })),
		kgo.MaxBufferedRecords(maxBuffered),
		// The client's own 10 ms end early when its buffer is full, and not when the window is:
		// all connections would wait for them.
		kgo.ProducerLinger(0),
		kgo.ProducerBatchMaxBytesFn(func(topic string) int32 { return int32(s.limitOf(topic)) }),
		kgo.FetchMaxBytes(maxAnswerBytes), // not more than the next
		kgo.BrokerMaxReadBytes(maxAnswerBytes),
		kgo.DialTimeout(dialTimeout),
		kgo.MetadataMinAge(metadataPause), // another leader is known soon
		kgo.ProduceRequestTimeout(answerTimeout),
		kgo.RequestTimeoutOverhead(answerTimeout),
		kgo.RecordDeliveryTimeout(cmp.Or(o.deliveryTimeout, defaultDeliveryTimeout)),
		// Without it a record whose broker has gone would wait for ever, and with it the
		// Commit of all connections.
		kgo.AllowIdempotentProduceCancellation(),
		kgo.WithHooks(hooks{s}),
	}
	if o.UseTLS {
		options = append(options, kgo.DialTLSConfig(o.TLS))
	}
	if (o.SASL == "") != (o.CredentialsFile == "") {
		return nil, &CredentialsError{Err: errors.New("the file, and the parameter sasl of the URL, have to be set together")}
	}
	if o.SASL != "" {
		if _, _, err := readCredentials(o.CredentialsFile); err != nil {
			return nil, &CredentialsError{Err: err}
		}
		options = append(options, kgo.SASL(mechanisms[o.SASL](func() (string, string, error) { return readCredentials(o.CredentialsFile) })))
	}
	s.client, err = kgo.NewClient(options...)
	if err != nil {
		return nil, fmt.Errorf("connect to Kafka: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(o.startTimeout, defaultStartTimeout))
	defer cancel()
	if err := s.open(ctx); err != nil {
		s.client.Close()
		return nil, err
	}
	s.window.Note(nil) // what has failed meanwhile
	return s, nil
}

// partitionOf reads what produce has left in the record.
func partitionOf(r *kgo.Record, partitions int) int { return int(r.Partition) % partitions }

// Failed returns why records are refused, nil if they are not.
func (s *Sink) Failed() *receiver.Refusal { return s.window.Failed() }

// Consume produces the records of m.
func (s *Sink) Consume(ctx context.Context, m *receiver.Message) error {
	if len(m.Records) == 0 {
		return nil
	}
	keys, _ := keyPool.Get().(*identity.Keys)
	defer keyPool.Put(keys)
	keys.Find(m.Peer.Sender, m.Format, m.Chunks, m.ChunkRecords, m.Records)
	batch := s.window.Begin(m)
	p := producing{sink: s, batch: batch, peer: m.Peer}
	for i, record := range m.Records {
		if err := batch.Take(ctx, len(record)); err != nil {
			_ = batch.End()
			return err
		}
		p.produce(ctx, i, len(m.Records)-i, record, keys.Of(i))
	}
	return batch.End()
}

var keyPool = sync.Pool{New: func() any { return new(identity.Keys) }}

const (
	// roomBytes and roomRecords are allocated at once, at most. One record that waits long
	// holds on to all of it.
	roomBytes   = 4 << 10
	roomRecords = 16
)

// producing hands the records of one message to the client.
type producing struct {
	sink  *Sink
	batch *publish.Batch
	peer  receiver.Peer
	topic string // of the record before
	// A message with many records asks once for each topic, and not on if brokers fail.
	missing map[string]error
	failed  error

	bytes   []byte // room for keys and values
	flights []flight
}

// flight is a record on its way.
type flight struct {
	kgo.Record

	sink  *Sink
	batch *publish.Batch
	index int
	size  int // that was taken of the window
	id    [1]kgo.RecordHeader
}

// produce hands a copy of one record to the client. Its answer goes to the batch. left counts
// the records from this one on.
func (p *producing) produce(ctx context.Context, index, left int, record []byte, key identity.Key) {
	if topic := p.sink.topic.Name(p.peer, record); topic != p.topic {
		if err := p.ensure(ctx, topic); err != nil {
			p.batch.Done(index, len(record), retry("the topic is not there", err))
			return
		}
		p.topic = topic
	}
	if len(p.flights) == 0 {
		p.flights = make([]flight, min(left, roomRecords))
	}
	f := &p.flights[0]
	p.flights = p.flights[1:]
	f.sink, f.batch, f.index, f.size = p.sink, p.batch, index, len(record)
	f.Topic, f.Partition = p.topic, placeOf(p.peer, record)
	if need := len(record) + keyBytes; need > cap(p.bytes)-len(p.bytes) {
		p.bytes = make([]byte, 0, max(need, min(need*left, roomBytes)))
	}
	if key != (identity.Key{}) {
		f.Key = p.keep(key.AppendText(p.bytes))
		f.id[0] = kgo.RecordHeader{Key: idHeader, Value: f.Key}
		f.Headers = f.id[:]
	}
	f.Value = p.keep(append(p.bytes, record...))
	p.sink.client.Produce(context.Background(), &f.Record, f.done)
}

// ensure looks for a topic, or makes it.
func (p *producing) ensure(ctx context.Context, topic string) error {
	if p.sink.knows(topic) {
		return nil
	}
	if err := cmp.Or(p.missing[topic], p.failed); err != nil {
		return err
	}
	err := p.sink.ensure(ctx, topic)
	if _, isMissing := errors.AsType[*missingError](err); isMissing {
		if p.missing == nil {
			p.missing = map[string]error{}
		}
		p.missing[topic] = err
	} else {
		p.failed = err
	}
	return err
}

// keep returns what was appended to the room.
func (p *producing) keep(room []byte) []byte {
	begin, end := len(p.bytes), len(room)
	p.bytes = room
	return room[begin:end:end]
}

func (f *flight) done(_ *kgo.Record, err error) {
	f.batch.Done(f.index, f.size, f.sink.judge(f.Topic, f.size, err))
}

// placeOf is the same for records that have to stay in order, in every receiver: those of an
// agent, or else of a sender, or of an address.
func placeOf(peer receiver.Peer, record []byte) int32 {
	owner := identity.AgentOf(record)
	if owner == nil && peer.Sender != "" {
		owner = []byte(peer.Sender)
	} else if owner == nil {
		owner = []byte(peer.RemoteAddr)
	}
	return int32(crc32.ChecksumIEEE(owner) >> 1)
}

// judge returns why the brokers do not have a record, nil if they have.
func (s *Sink) judge(topic string, bytes int, err error) *receiver.Refusal {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kerr.MessageTooLarge) && bytes+overheadBytes > s.limitOf(topic):
		return &receiver.Refusal{Reason: "the record is longer than the engine takes", Cause: fmt.Errorf("%d bytes: %w", bytes, err)}
	case errors.Is(err, kerr.InvalidRecord):
		return &receiver.Refusal{Reason: "the topic does not take such records", Cause: fmt.Errorf("%w (a compacted topic needs records with ids)", err)}
	}
	return retry("the engine does not take records", err)
}

func retry(reason string, cause error) *receiver.Refusal {
	return &receiver.Refusal{Reason: reason, Retry: true, Pause: publish.Pause, Cause: cause}
}

const noConnection = "no connection to the engine"

// hooks note when there is no connection to any broker: with one, the records' own answers
// tell.
type hooks struct{ sink *Sink }

// OnBrokerConnect is called after each attempt.
func (h hooks) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	s := h.sink
	if err != nil {
		if s.connections.Load() == 0 {
			s.window.Note(retry(noConnection, err))
		}
		return
	}
	s.connections.Add(1)
	if failed := s.window.Failed(); failed != nil && failed.Reason == noConnection {
		s.window.Note(nil)
	}
}

// OnBrokerDisconnect is called once for each that was made.
func (h hooks) OnBrokerDisconnect(kgo.BrokerMetadata, net.Conn) { h.sink.connections.Add(-1) }

// RefusesLate says that records are refused after Consume, when the brokers answer.
func (s *Sink) RefusesLate() {}

// Commit waits until the brokers have answered for everything.
func (s *Sink) Commit(ctx context.Context) error { return s.window.Wait(ctx) }

// Close ends the connections. What is still on its way is refused.
func (s *Sink) Close() error {
	s.client.Close()
	return nil
}

var (
	_ receiver.LateSink        = (*Sink)(nil)
	_ kgo.HookBrokerConnect    = hooks{}
	_ kgo.HookBrokerDisconnect = hooks{}
)
