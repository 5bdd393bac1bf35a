// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package jetstream

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	natsjetstream "github.com/nats-io/nats.go/jetstream"
)

// defaultReadTimeout is how long a server may take for the next record.
const defaultReadTimeout = 30 * time.Second

// Stored reads the records that a stream has when it is opened, one per line. A sequence
// number that the stream has no record for is an empty line: so the number of a line,
// counted from First, is the sequence number of its record. It is used by one goroutine.
type Stored struct {
	// Stream is its name.
	Stream string
	// First is the sequence number of the first line.
	First uint64
	// Bytes is about how long all lines are.
	Bytes int64

	connection  *nats.Conn
	messages    natsjetstream.MessagesContext
	readTimeout time.Duration

	next   uint64 // sequence number of the next line
	last   uint64 // that of the last one
	record natsjetstream.Msg
	at     uint64 // its sequence number
	buffer bytes.Buffer
}

// OpenStored connects, and finds the stream that takes the subject. It makes none. It
// returns an error if it cannot do so in ten seconds.
func OpenStored(ctx context.Context, o Options) (*Stored, error) {
	subject, err := parseSubject(o.Subject)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(o.startTimeout, defaultStartTimeout))
	defer cancel()
	connection, err := dial(ctx, o)
	if err != nil {
		return nil, err
	}
	s := &Stored{connection: connection, readTimeout: cmp.Or(o.readTimeout, defaultReadTimeout)}
	if err := s.begin(ctx, filterOf(subject)); err != nil {
		connection.Close()
		return nil, err
	}
	return s, nil
}

func (s *Stored) begin(ctx context.Context, filter string) error {
	api, err := natsjetstream.New(s.connection)
	if err != nil {
		return err
	}
	list := api.StreamNames(ctx, natsjetstream.WithStreamListSubject(filter))
	var names []string
	for name := range list.Name() {
		names = append(names, name)
	}
	switch {
	case list.Err() != nil:
		return fmt.Errorf("look for the stream of subject %s: %w", filter, list.Err())
	case len(names) == 0:
		return fmt.Errorf("no stream takes subject %s", filter)
	case len(names) > 1:
		return fmt.Errorf("several streams take subject %s (%s): name a subject of each, in a URL of its own", filter, strings.Join(names, ", "))
	}
	s.Stream = names[0]
	stream, err := api.Stream(ctx, s.Stream)
	if err != nil {
		return fmt.Errorf("stream %s: %w", s.Stream, err)
	}
	state := stream.CachedInfo().State
	s.First, s.Bytes, s.last = state.FirstSeq, int64(state.Bytes), state.LastSeq
	consumer, err := stream.OrderedConsumer(ctx, natsjetstream.OrderedConsumerConfig{FilterSubjects: []string{filter}})
	if err != nil {
		return fmt.Errorf("read stream %s: %w", s.Stream, err)
	}
	if state.Msgs == 0 || consumer.CachedInfo().NumPending == 0 {
		s.next, s.last = 1, 0 // nothing is stored
		return nil
	}
	if s.messages, err = consumer.Messages(); err != nil {
		return fmt.Errorf("read stream %s: %w", s.Stream, err)
	}
	if err := s.receive(); err != nil {
		return err
	}
	s.First, s.next = s.at, s.at
	return nil
}

// receive takes the next record, if there is one that was stored when the stream was opened.
func (s *Stored) receive() error {
	record, err := s.messages.Next(natsjetstream.NextMaxWait(s.readTimeout))
	if err != nil {
		return fmt.Errorf("read stream %s: %w", s.Stream, err)
	}
	about, err := record.Metadata()
	if err != nil {
		return fmt.Errorf("read stream %s: %w", s.Stream, err)
	}
	s.record, s.at = record, about.Sequence.Stream
	if about.NumPending == 0 {
		s.last = min(s.last, s.at)
	}
	return nil
}

// Open returns a reader of the lines, which fails once ctx has ended. It is called once.
func (s *Stored) Open(ctx context.Context) (io.ReadCloser, error) {
	if s.messages == nil {
		return io.NopCloser(s), nil
	}
	return lines{s, context.AfterFunc(ctx, s.messages.Stop)}, nil
}

type lines struct {
	io.Reader
	stop func() bool
}

func (l lines) Close() error {
	l.stop()
	return nil
}

// Read implements io.Reader.
func (s *Stored) Read(p []byte) (n int, err error) {
	for s.buffer.Len() < len(p) && s.next <= s.last {
		if s.next > s.at {
			if err := s.receive(); err != nil {
				return 0, err
			}
		}
		for ; s.next < min(s.at, s.last+1) && s.buffer.Len() < len(p); s.next++ {
			s.buffer.WriteByte('\n')
		}
		if s.next == s.at {
			s.buffer.Write(oneLine(s.record.Data()))
			s.buffer.WriteByte('\n')
			s.next++
		}
	}
	if s.buffer.Len() == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	n, _ = s.buffer.Read(p)
	return n, nil
}

// oneLine removes line breaks, which JSON has only where a space would do.
func oneLine(record []byte) []byte {
	if bytes.IndexByte(record, '\n') < 0 {
		return record
	}
	return bytes.ReplaceAll(record, []byte{'\n'}, []byte{' '})
}

// Close ends the connection.
func (s *Stored) Close() error {
	if s.messages != nil {
		s.messages.Stop()
	}
	s.connection.Close()
	return nil
}
