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
	// idHeader names the record beside its key, which some tools replace.
	idHeader = "wsreceiver-id"
)

// Sink produces records. Its methods may be called from any goroutine.
type Sink struct {
	client *kgo.Client
	topic  *route.Template
	window *publish.Window
	create bool
	copies int // of topics that are made; -1 for the brokers' default

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
		kgo.ProducerBatchMaxBytesFn(func(topic string) int32 { return int32(s.limitOf(topic)) }),
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
		return nil, errors.New("parameter sasl and the credentials file have to be set together")
	}
	if o.SASL != "" {
		if _, _, err := readCredentials(o.CredentialsFile); err != nil {
			return nil, err
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
	for i, record := range m.Records {
		if err := batch.Take(ctx, len(record)); err != nil {
			_ = batch.End()
			return err
		}
		s.produce(ctx, batch, i, m.Peer, record, keys.Of(i))
	}
	return batch.End()
}

var keyPool = sync.Pool{New: func() any { return new(identity.Keys) }}

// produce hands a copy of one record to the client. Its answer goes to the batch.
func (s *Sink) produce(ctx context.Context, batch *publish.Batch, index int, peer receiver.Peer, record []byte, key identity.Key) {
	r := &kgo.Record{Topic: s.topic.Name(peer, record), Partition: placeOf(peer, record)}
	if err := s.ensure(ctx, r.Topic); err != nil {
		batch.Done(index, len(record), retry("the topic is not there", err))
		return
	}
	if key == (identity.Key{}) {
		r.Value = append([]byte(nil), record...)
	} else {
		text := key.AppendText(make([]byte, 0, 2*len(key)*8+len(record)))
		length := len(text)
		r.Value = append(text, record...)[length:]
		r.Key = text[:length:length]
		r.Headers = []kgo.RecordHeader{{Key: idHeader, Value: r.Key}}
	}
	topic, bytes := r.Topic, len(record)
	s.client.Produce(context.Background(), r, func(_ *kgo.Record, err error) {
		batch.Done(index, bytes, s.judge(topic, bytes, err))
	})
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

// hooks note when there is no connection to a broker.
type hooks struct{ sink *Sink }

// OnBrokerConnect is called after each attempt.
func (h hooks) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if err != nil {
		h.sink.window.Note(retry("no connection to the engine", err))
	}
}

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
	_ receiver.LateSink     = (*Sink)(nil)
	_ kgo.HookBrokerConnect = hooks{}
)
