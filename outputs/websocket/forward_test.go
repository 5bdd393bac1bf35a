// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"context"
	"fmt"
	"io"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/common/fmtstr"
	"github.com/elastic/beats/v7/libbeat/outputs/outest"
	"github.com/elastic/beats/v7/libbeat/publisher"
	"github.com/elastic/elastic-agent-libs/mapstr"

	"filebeat-websocket/outputs/websocket/ack"
	"filebeat-websocket/outputs/websocket/framing"
	"filebeat-websocket/outputs/websocket/internal/retry"
	"filebeat-websocket/outputs/websocket/internal/session"
	"filebeat-websocket/outputs/websocket/internal/trust"
	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/handshake"
	"filebeat-websocket/testing/wstest"
)

// ingest is a reference receiver in a server of its own.
type ingest struct {
	url string

	mutex    sync.Mutex
	messages [][]string // their records
	chunks   []string
}

func startIngest(t *testing.T, options receiver.Options) *ingest {
	t.Helper()
	in := &ingest{}
	handler, err := receiver.New(receiver.SinkFunc(func(_ context.Context, m *receiver.Message) error {
		in.mutex.Lock()
		defer in.mutex.Unlock()
		var records []string
		for _, content := range m.Records {
			records = append(records, string(content))
		}
		in.messages = append(in.messages, records)
		in.chunks = append(in.chunks, m.Chunks...)
		return nil
	}), options)
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	in.url = "ws" + strings.TrimPrefix(server.URL, "http")
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = handler.Shutdown(ctx)
		server.Close()
	})
	return in
}

// newForward returns an output with format: forward for that receiver.
func newForward(t *testing.T, in *ingest, yaml string) *fixture {
	t.Helper()
	return newFixture(t, "{format: forward, addr: "+`"`+in.url+`"`+", "+yaml+"}")
}

func TestForwardIsConfirmedChunkByChunk(t *testing.T) {
	for _, mode := range framing.ForwardModes {
		t.Run(mode, func(t *testing.T) {
			in := startIngest(t, receiver.Options{Format: "forward"})
			f := newForward(t, in, `ack: message, max_message_bytes: 1KiB, forward.mode: `+mode)
			require.NoError(t, f.client.Connect())
			for batch := range 5 {
				b, signals := f.batch(batch*100+1, batch*100+100)
				require.NoError(t, f.client.Publish(context.Background(), b))
				require.Equal(t, outest.BatchACK, awaitSignal(t, signals).Tag)
			}
			in.mutex.Lock()
			defer in.mutex.Unlock()
			seq := 0
			for _, message := range in.messages {
				for _, content := range message {
					seq++
					require.Contains(t, content, fmt.Sprintf(`"seq=%d"`, seq))
				}
			}
			require.Equal(t, 500, seq)
			require.Len(t, in.chunks, len(in.messages))
			require.NotContains(t, in.chunks, "")
			if mode == framing.ModeMessage {
				require.Len(t, in.messages, 500)
			} else {
				require.Greater(t, len(in.messages), 5, "batches are cut")
			}
		})
	}
}

// A receiver that knows the chunk, such as wsreceiver, leaves the request out.
func TestEqualRecordsThatAreNotTheSameHaveChunksOfTheirOwn(t *testing.T) {
	in := startIngest(t, receiver.Options{Format: "forward"})
	f := newForward(t, in, `ack: message`)
	require.NoError(t, f.client.Connect())
	for range 2 {
		b, signals := f.batchOf(beat.Event{Timestamp: time.Unix(1, 0), Fields: mapstr.M{"message": "link down"}})
		require.NoError(t, f.client.Publish(context.Background(), b))
		require.Equal(t, outest.BatchACK, awaitSignal(t, signals).Tag)
	}
	in.mutex.Lock()
	defer in.mutex.Unlock()
	require.Len(t, in.chunks, 2)
	require.NotEqual(t, in.chunks[0], in.chunks[1])
}

// TestARequestThatIsSentAgainHasItsChunk: its first record keeps the number.
func TestARequestThatIsSentAgainHasItsChunk(t *testing.T) {
	in := startIngest(t, receiver.Options{Format: "forward"})
	f := newForward(t, in, `ack: message`)
	c := &client{shared: f.shared, endpoint: &url.URL{}, host: &trust.Host{}}
	b, _ := f.batch(1, 3)
	first := newDelivery(c, b).AppendTo(nil, 0)
	require.Equal(t, first, newDelivery(c, b).AppendTo(nil, 0))
	other, _ := f.batch(1, 3)
	require.NotEqual(t, first, newDelivery(c, other).AppendTo(nil, 0))
}

func TestForwardAsksForNoChunksWithAnotherAck(t *testing.T) {
	in := startIngest(t, receiver.Options{})
	f := newForward(t, in, `ack: ping`)
	require.NoError(t, f.client.Connect())
	b, signals := f.batch(1, 10)
	require.NoError(t, f.client.Publish(context.Background(), b))
	require.Equal(t, outest.BatchACK, awaitSignal(t, signals).Tag)
	in.mutex.Lock()
	defer in.mutex.Unlock()
	require.Equal(t, []string{""}, in.chunks)
}

func TestRecordsOfATagShareRequestsHoweverTheyCome(t *testing.T) {
	in := startIngest(t, receiver.Options{})
	f := newForward(t, in, `ack: message, forward.tag: "app.%{[app]}"`)
	require.NoError(t, f.client.Connect())
	var events []beat.Event
	for i, app := range []string{"b", "a", "", "b", "a", "b", ""} {
		fields := mapstr.M{"message": fmt.Sprint(i)}
		if app != "" {
			fields["app"] = app
		}
		events = append(events, beat.Event{Fields: fields})
	}
	b, signals := f.batchOf(events...)
	require.NoError(t, f.client.Publish(context.Background(), b))
	require.Equal(t, outest.BatchACK, awaitSignal(t, signals).Tag)
	in.mutex.Lock()
	defer in.mutex.Unlock()
	var got []string
	for _, message := range in.messages {
		line := ""
		for _, content := range message {
			for i := range events {
				if strings.Contains(content, fmt.Sprintf(`"message":"%d"`, i)) {
					line += fmt.Sprint(i)
				}
			}
		}
		_, tag, _ := strings.Cut(message[0], `"tag":"`)
		tag, _, _ = strings.Cut(tag, `"`)
		got = append(got, tag+" "+line)
	}
	require.Equal(t, []string{"app.b 035", "app.a 14", "filebeat 26"}, got)
}

func TestHandshakeBeforeEveryKindOfConfirmation(t *testing.T) {
	options := handshake.Options{SharedKey: "s3cret", Users: map[string]string{"alice": "pa55word"}}
	for _, kind := range []string{"none", "ping", "message"} {
		t.Run(kind, func(t *testing.T) {
			in := startIngest(t, receiver.Options{Forward: options})
			f := newForward(t, in, `ack: `+kind+`, forward: {shared_key: s3cret, username: alice, password: pa55word, hostname: agent-1}`)
			require.NoError(t, f.client.Connect())
			b, signals := f.batch(1, 100)
			require.NoError(t, f.client.Publish(context.Background(), b))
			require.Equal(t, outest.BatchACK, awaitSignal(t, signals).Tag)
		})
	}
}

func TestAHandshakeThatFailsIsAFailedConnect(t *testing.T) {
	options := handshake.Options{SharedKey: "s3cret", Users: map[string]string{"alice": "pa55word"}, Hostname: "server-1"}
	for name, test := range map[string]struct{ forward, want string }{
		"a wrong key":            {`{shared_key: hunter2, username: alice, password: pa55word, hostname: agent-1}`, "the server refused the login"},
		"a wrong password":       {`{shared_key: s3cret, username: alice, password: hunter2, hostname: agent-1}`, "the server refused the login"},
		"a user that is missing": {`{shared_key: s3cret, hostname: agent-1}`, "the server requires a user: set forward.username"},
		"the server's own name":  {`{shared_key: s3cret, username: alice, password: pa55word, hostname: server-1}`, "has this agent's own name"},
	} {
		t.Run(name, func(t *testing.T) {
			in := startIngest(t, receiver.Options{Forward: options})
			f := newForward(t, in, `ack: message, forward: `+test.forward)
			err := f.client.Connect()
			var failed *ack.HandshakeError
			require.ErrorAs(t, err, &failed)
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), "hunter2")
			require.EqualValues(t, 1, f.shared.stats.failed.Get())
			require.Equal(t, retry.Patience{Longest: true}, retry.After(err, time.Now()))
		})
	}
}

func TestAServerWithoutHandshakeIsNamed(t *testing.T) {
	server := wstest.Start(t)
	f := newFixture(t, `{format: forward, timeout: 50ms, forward: {shared_key: s3cret}}`, server)
	require.ErrorContains(t, f.client.Connect(), "timeout: no HELO of Fluent Forward (does the server have a shared key?) within 50ms")
}

// A connection dies when some of its requests are confirmed, and not the oldest
// ones: only the others go out again.
func TestOnlyWhatIsNotConfirmedGoesOutAgain(t *testing.T) {
	in := startIngest(t, receiver.Options{})
	f := newForward(t, in, `ack: message, forward.mode: message`)
	events := f.events(1, 6)
	var rest []string
	signalled := make(chan struct{})
	batch := &signalOnce{Batch: outest.NewBatch(), events: events, done: func(tag outest.BatchSignalTag, again []publisher.Event) {
		require.Equal(t, outest.BatchRetryEvents, tag)
		for _, event := range again {
			_, seq, _ := strings.Cut(string(recordOf(&event).data), "seq=")
			rest = append(rest, seq)
		}
		close(signalled)
	}}
	d := newDelivery(&client{shared: f.shared, endpoint: &url.URL{}, host: &trust.Host{}}, batch)
	require.Len(t, d.spans, 6)
	d.Settled(session.Outcome{
		Cause: io.ErrUnexpectedEOF, Confirmed: 1, Apart: []int{3, 4},
		Refused: []ack.Refusal{{Message: 4, Retry: true}},
	})
	<-signalled
	require.Equal(t, []string{"2", "3", "5", "6"}, rest)
	_, acked, failed, _ := f.observer.snapshot()
	require.Equal(t, 2, acked)
	require.Equal(t, 4, failed)
}

func TestGatherKeepsTheOrderWithinAGroup(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		groups := rapid.SliceOfN(rapid.SampledFrom([]string{"", "a", "b", "c"}), 1, 50).Draw(t, "groups")
		var events []publisher.Event
		var records []*record
		for i, group := range groups {
			r := &record{group: group, data: []byte(fmt.Sprint(i))}
			records = append(records, r)
			events = append(events, publisher.Event{EncodedEvent: r})
		}
		events, records = gather(events, records)
		var seen []string
		last := map[string]int{}
		for i, r := range records {
			require.Same(t, r, recordOf(&events[i]))
			number, err := strconv.Atoi(string(r.data))
			require.NoError(t, err)
			require.Equal(t, groups[number], r.group)
			before, known := last[r.group]
			if !known {
				seen = append(seen, r.group)
			} else {
				require.Equal(t, r.group, records[i-1].group, "a group is in one piece")
				require.Greater(t, number, before)
			}
			last[r.group] = number
		}
		var order []string
		for _, group := range groups {
			if !slices.Contains(order, group) {
				order = append(order, group)
			}
		}
		require.Equal(t, order, seen)
	})
}

func FuzzCutOfGroups(f *testing.F) {
	f.Add([]byte{10, 10, 10, 20}, []byte{0, 1, 0, 1}, uint16(80), uint8(2))
	f.Fuzz(func(t *testing.T, sizes, groups []byte, limit uint16, mode uint8) {
		if len(sizes) == 0 {
			return
		}
		layout, err := framing.Forward(framing.ForwardOptions{Mode: framing.ForwardModes[int(mode)%4], Chunks: true})
		require.NoError(t, err)
		format := &wireFormat{framing: layout, tag: fmtstr.MustCompileEvent("%{[group]}")}
		maxBytes := int(limit)
		var records []*record
		for i, size := range sizes {
			r := recordsOf(1 + int(size))[0]
			if i < len(groups) {
				r.group = strings.Repeat("g", int(groups[i]%3))
			}
			maxBytes = max(maxBytes, format.layout(r.group).Size(1, len(r.data)))
			records = append(records, r)
		}
		end := 0
		for _, c := range cut(records, format, maxBytes) {
			require.Equal(t, end, c.start)
			require.Greater(t, c.end, c.start)
			var parts [][]byte
			for _, r := range records[c.start:c.end] {
				require.Equal(t, records[c.start].group, r.group)
				parts = append(parts, r.data)
			}
			require.LessOrEqual(t, len(format.layout(records[c.start].group).Append(nil, parts)), c.bytes)
			require.LessOrEqual(t, c.bytes, maxBytes)
			end = c.end
		}
		require.Equal(t, len(records), end, "every record is in a message")
	})
}
