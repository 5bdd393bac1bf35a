// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"context"
	"crypto/rand"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"filebeat-websocket/receiver"
)

const (
	ticksPerSecond = 10
	tickInterval   = time.Second / ticksPerSecond

	// What Observe lets through, in records a tick.
	quotaUnwatched = 200 / ticksPerSecond
	quotaWatched   = 20_000 / ticksPerSecond

	maxRecordBytes  = 64 << 10  // of a record that is copied
	maxExcerptBytes = 256 << 10 // of a message that is copied
	// What waits for hubLoop: an excerpt can be as small as a record.
	maxExcerpts            = 4096
	maxWaitingExcerptBytes = 8 << 20 // bytes of all of them
)

// Tail watches a receiver. All its methods may be called from any goroutine.
type Tail struct {
	options  Options
	handler  http.Handler
	visitors *visitors
	agents   agents
	searches *searches
	boot     string // distinguishes this Tail from the one before a restart

	// Used by Observe. quota is how many records it may still copy in this tick.
	quota    atomic.Int64
	records  atomic.Uint64
	bytes    atomic.Uint64
	leftOut  atomic.Uint64 // records that Observe did not copy
	excerpts chan *excerpt
	waiting  atomic.Int64 // bytes in excerpts

	watching atomic.Int64 // streams that have a place
	joins    chan *viewer
	leaves   chan *viewer
	done     chan struct{} // closed by Shutdown
	end      sync.Once
	running  sync.WaitGroup
}

// New returns a Tail, which Shutdown ends.
func New(options Options) *Tail {
	options.complete()
	t := &Tail{
		options:  options,
		visitors: &visitors{guard: options.Guard, sessions: newSessions()},
		searches: newSearches(),
		boot:     rand.Text(),
		excerpts: make(chan *excerpt, maxExcerpts),
		joins:    make(chan *viewer),
		leaves:   make(chan *viewer),
		done:     make(chan struct{}),
	}
	t.agents.open = map[uint64]*agent{}
	t.quota.Store(quotaUnwatched)
	t.handler = t.routes()
	t.running.Go(newHub(t).hubLoop)
	return t
}

// excerpt is the copy of some records of a message.
type excerpt struct {
	peer   receiver.Peer
	format string
	at     time.Time
	data   []byte
	parts  []excerptPart
}

type excerptPart struct {
	end int  // in data; it begins where the one before ends
	cut bool // the record is longer
}

// Observe shows the records of m, which was consumed. It copies what it needs and
// does not block. Tee calls it.
func (t *Tail) Observe(m *receiver.Message) {
	t.records.Add(uint64(len(m.Records)))
	t.bytes.Add(uint64(m.Bytes))
	t.agents.count(m)
	if t.quota.Load() <= 0 {
		t.leftOut.Add(uint64(len(m.Records)))
		return
	}
	taken := 0
	if t.waiting.Load() < maxWaitingExcerptBytes {
		taken = t.hand(t.copyOf(m))
	}
	t.leftOut.Add(uint64(len(m.Records) - taken))
}

// hand gives an excerpt to hubLoop, and returns how many records that are.
func (t *Tail) hand(c *excerpt) int {
	if len(c.parts) == 0 {
		return 0
	}
	t.waiting.Add(int64(len(c.data)))
	select {
	case t.excerpts <- c:
		return len(c.parts)
	default: // hubLoop is behind
		t.waiting.Add(-int64(len(c.data)))
		return 0
	}
}

func (t *Tail) copyOf(m *receiver.Message) *excerpt {
	wanted := int64(len(m.Records))
	left := t.quota.Add(-wanted) + wanted // other goroutines may have taken some meanwhile
	records := m.Records[:max(0, min(wanted, left))]
	size := 0
	for i, record := range records {
		length := min(len(record), maxRecordBytes)
		if size+length > maxExcerptBytes {
			records = records[:i]
			break
		}
		size += length
	}
	c := &excerpt{peer: m.Peer, format: m.Format, at: time.Now(), data: make([]byte, 0, size), parts: make([]excerptPart, 0, len(records))}
	for _, record := range records {
		c.data = append(c.data, record[:min(len(record), maxRecordBytes)]...)
		c.parts = append(c.parts, excerptPart{end: len(c.data), cut: len(record) > maxRecordBytes})
	}
	return c
}

// Tee returns a Sink that shows what next takes. If next takes part of a message, all
// records of the message are shown.
func Tee(t *Tail, next receiver.Sink) receiver.Sink { return &tee{Sink: next, tail: t} }

type tee struct {
	receiver.Sink
	tail *Tail
}

func (t *tee) Consume(ctx context.Context, m *receiver.Message) error {
	err := t.Sink.Consume(ctx, m)
	if receiver.Taken(err, len(m.Records)).Some() {
		t.tail.Observe(m)
	}
	return err
}

// Observer shows connections as agents.
func (t *Tail) Observer() receiver.Observer {
	return receiver.Observer{Opened: t.agents.opened, Closed: t.agents.closed, Confirmed: t.agents.confirmed}
}

// Handler serves the page at / and the rest of it below /tail/.
func (t *Tail) Handler() http.Handler { return t.handler }

// Shutdown ends all streams. It returns when nothing runs here, or with ctx's
// error when that ends before. Observe and the Observer may still be called.
func (t *Tail) Shutdown(ctx context.Context) error {
	t.end.Do(func() { close(t.done) })
	gone := make(chan struct{})
	go func() {
		t.running.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
