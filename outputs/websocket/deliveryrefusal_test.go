// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/publisher"

	"filebeat-websocket/outputs/websocket/internal/retry"
	"filebeat-websocket/protocol"
	"filebeat-websocket/testing/wstest"
)

// startConfirming starts a server that speaks filebeat.ack.v1 with that fault on
// every connection.
func startConfirming(t *testing.T, fault wstest.Fault) *wstest.Server {
	t.Helper()
	return wstest.Start(t,
		wstest.WithSubprotocols(protocol.Subprotocol),
		wstest.WithScript(func(int) wstest.Fault { return fault }))
}

// events returns numbered events, encoded as the queue does it.
func (f *fixture) events(first, last int) []publisher.Event {
	batch, _ := f.batch(first, last)
	return batch.Events()
}

// isBad tells the record with that number.
func isBad(seq int) func([]byte) bool {
	needle := fmt.Appendf(nil, "seq=%d", seq)
	return func(content []byte) bool {
		_, after, found := bytes.Cut(content, needle)
		return found && (len(after) == 0 || after[0] < '0' || after[0] > '9')
	}
}

func closeOn(seq, code int) func([]byte) int {
	bad := isBad(seq)
	return func(message []byte) int {
		if bad(message) {
			return code
		}
		return 0
	}
}

func TestReceiverConfirmsEveryMessage(t *testing.T) {
	server := startConfirming(t, wstest.Fault{})
	f := newFixture(t, `ack: message`, server)
	p := newPipeline(t, f)
	p.run(f.events(1, 100), f.events(101, 200))
	require.Empty(t, server.Missing(1, 200))
	require.Equal(t, 2, p.signals["ACK"])
	require.Equal(t, []string{protocol.Subprotocol}, server.Conns()[0].Request.Header["Sec-Websocket-Protocol"])
}

func TestServerWithoutTheSubprotocolIsRefused(t *testing.T) {
	f := newFixture(t, `ack: message`, wstest.Start(t))
	require.ErrorContains(t, f.client.Connect(), "does not speak the subprotocol filebeat.ack.v1")
}

func TestReplyInTheServersOwnForm(t *testing.T) {
	server := wstest.Start(t, wstest.WithScript(func(int) wstest.Fault {
		return wstest.Fault{ReplyField: "seq.last"}
	}))
	f := newFixture(t, `{ack: message, ack_field: seq.last}`, server)
	newPipeline(t, f).run(f.events(1, 100), f.events(101, 200))
	require.Empty(t, server.Missing(1, 200))
	require.Empty(t, server.Conns()[0].Request.Header["Sec-Websocket-Protocol"])
}

// With one bad record in a batch the rest arrives, the bad one is dropped, and
// no record is sent more than log2(batch) + 2 times.
func TestOneBadRecordIsIsolated(t *testing.T) {
	const batch, others = 1000, 300
	for name, test := range map[string]struct {
		yaml  string
		fault func(bad int) wstest.Fault
	}{
		"close 1009, ack ping, one record a message": {`ack: ping`, func(bad int) wstest.Fault {
			return wstest.Fault{CloseOnRecord: closeOn(bad, 1009)}
		}},
		"close 1007, ack ping, many records a message": {`{ack: ping, framing: lines}`, func(bad int) wstest.Fault {
			return wstest.Fault{CloseOnRecord: closeOn(bad, 1007)}
		}},
		"close 1003, ack message, one record a message": {`ack: message`, func(bad int) wstest.Fault {
			return wstest.Fault{CloseOnRecord: closeOn(bad, 1003)}
		}},
		"close 1009, ack message, pipelining": {`{ack: message, framing: lines, pipelining: 4}`, func(bad int) wstest.Fault {
			return wstest.Fault{CloseOnRecord: closeOn(bad, 1009)}
		}},
		"nack of a message with one record": {`ack: message`, func(bad int) wstest.Fault {
			return wstest.Fault{NackRecord: isBad(bad), NackReason: "no good"}
		}},
		"nack of a message with many records": {`{ack: message, framing: lines}`, func(bad int) wstest.Fault {
			return wstest.Fault{NackRecord: isBad(bad), NackReason: "no good"}
		}},
		"nack of one record of a message": {`{ack: message, framing: lines}`, func(bad int) wstest.Fault {
			return wstest.Fault{NackRecord: isBad(bad), NackReason: "no good", NackByIndex: true}
		}},
	} {
		for _, bad := range []int{1, 500, batch} {
			t.Run(fmt.Sprintf("%s, record %d", name, bad), func(t *testing.T) {
				server := startConfirming(t, test.fault(bad))
				f := newFixture(t, test.yaml, server)
				p := newPipeline(t, f)
				p.run(f.events(1, batch), f.events(batch+1, batch+others))

				require.Zero(t, p.signals["Drop"])
				_, acked, _, dropped := f.observer.snapshot()
				require.Equal(t, batch+others-1, acked)
				require.Equal(t, 1, dropped)
				for seq := 1; seq <= batch; seq++ {
					require.LessOrEqualf(t, server.Times(seq), bits.Len(batch-1)+2, "record %d", seq)
				}
				require.Empty(t, server.Missing(1, batch+others))
			})
		}
	}
}

func TestRefusedEventIsInTheDeadLetterFile(t *testing.T) {
	server := startConfirming(t, wstest.Fault{NackRecord: isBad(3), NackReason: "it is bad"})
	folder := t.TempDir()
	f := newFixture(t, fmt.Sprintf(`{ack: message, format: json, max_len: 100, dead_letter.path: %q}`, folder), server)
	batch, _ := f.batchOf(*testEvent("seq=1"), *testEvent("seq=2 " + string(bytes.Repeat([]byte("x"), 100))), *testEvent("seq=3"))
	newPipeline(t, f).run(batch.Events())
	require.NoError(t, f.client.Close())

	files, err := filepath.Glob(filepath.Join(folder, "websocket*.ndjson"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	info, err := os.Stat(files[0])
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	content, err := os.ReadFile(files[0])
	require.NoError(t, err)
	type line struct {
		Time   time.Time `json:"@timestamp"`
		Reason string    `json:"reason"`
		Error  string    `json:"error"`
		Event  struct {
			Time    time.Time `json:"@timestamp"`
			Message string    `json:"message"`
		} `json:"event"`
	}
	var lines []line
	for text := range bytes.Lines(content) {
		var l line
		require.NoError(t, json.Unmarshal(text, &l))
		require.WithinDuration(t, time.Now(), l.Time, time.Minute)
		require.Equal(t, 2021, l.Event.Time.Year())
		lines = append(lines, l)
	}
	require.Len(t, lines, 2)
	require.Equal(t, "max_len", lines[0].Reason)
	require.Contains(t, lines[0].Event.Message, "seq=2 xxx")
	require.Equal(t, "refused", lines[1].Reason)
	require.Equal(t, "seq=3", lines[1].Event.Message)
	require.Contains(t, lines[1].Error, "it is bad")
}

func TestDeadLetterThatCanNotBeWrittenIsNoObstacle(t *testing.T) {
	server := startConfirming(t, wstest.Fault{})
	blocked := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(blocked, nil, 0o600))
	f := newFixture(t, fmt.Sprintf(`{ack: message, max_len: 5, dead_letter.path: %q}`, filepath.Join(blocked, "folder")), server)
	newPipeline(t, f).run(f.events(1, 20))
	_, acked, _, dropped := f.observer.snapshot()
	require.Equal(t, []int{9, 11}, []int{acked, dropped})
	require.NoError(t, f.client.Close())
	require.EqualValues(t, 11, f.ints()["dead_letter.errors"])
	require.Zero(t, f.ints()["dead_letter.written"])
}

func TestMessageThatCanNotBeTakenForNowIsHeldBackAndSentAgain(t *testing.T) {
	server := startConfirming(t, wstest.Fault{NackAtMessage: 5, NackReason: "disk full", NackRetry: true})
	f := newFixture(t, `ack: message`, server)
	p := newPipeline(t, f)
	p.run(f.events(1, 10))
	require.Empty(t, server.Missing(1, 10))
	require.Equal(t, 2, server.Times(5))
	require.Equal(t, 1, server.Times(4))
	require.Equal(t, 1, p.signals["RetryEvents"])
	total, acked, failed, dropped := f.observer.snapshot()
	require.Equal(t, []int{11, 10, 1, 0}, []int{total, acked, failed, dropped})
	require.Equal(t, uint64(1), f.shared.stats.nacked.Get())
	require.Equal(t, uint64(10), f.shared.stats.confirmed.Get())
}

func TestRetryLimitDropsGuaranteedEventsToo(t *testing.T) {
	server := startConfirming(t, wstest.Fault{DropAtMessage: 1})
	f := newFixture(t, `{ack: message, retry_limit: 2, drop_after_retry_limit: true}`, server)
	p := newPipeline(t, f)
	p.run(f.events(1, 3))
	_, acked, failed, dropped := f.observer.snapshot()
	require.Equal(t, []int{0, 3}, []int{acked, dropped})
	require.GreaterOrEqual(t, failed, 6)
	require.Equal(t, 3, server.Times(1), "sent once, and retried twice")
}

// A receiver that refuses for now, again and again, ends no connection: there is
// no cause of an end that the drop could name.
func TestRetryLimitCountsRefusalsAndNamesItself(t *testing.T) {
	server := startConfirming(t, wstest.Fault{NackAtMessage: 1, NackRetry: true})
	folder := t.TempDir()
	f := newFixture(t, fmt.Sprintf(`{ack: message, retry_limit: 0, drop_after_retry_limit: true, dead_letter.path: %q}`, folder), server)
	newPipeline(t, f).run(f.events(1, 1))
	_, acked, _, dropped := f.observer.snapshot()
	require.Equal(t, []int{0, 1}, []int{acked, dropped})
	require.NoError(t, f.client.Close())
	files, err := filepath.Glob(filepath.Join(folder, "websocket*.ndjson"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	content, err := os.ReadFile(files[0])
	require.NoError(t, err)
	require.Contains(t, string(content), `"reason":"retry_limit","error":"sent more often than retry_limit allows without being confirmed"`)
}

func TestAckForTheFutureEndsTheConnection(t *testing.T) {
	server := wstest.Start(t,
		wstest.WithSubprotocols(protocol.Subprotocol),
		wstest.WithFaults(wstest.Fault{AckFuture: true}))
	f := newFixture(t, `ack: message`, server)
	newPipeline(t, f).run(f.events(1, 10))
	require.Empty(t, server.Missing(1, 10))
	require.Equal(t, 1002, server.Conns()[0].CloseCode)
}

func TestRepliesThatMakeNoSenseAreIgnored(t *testing.T) {
	server := startConfirming(t, wstest.Fault{MalformedAcks: []string{"", "hello", "[]", `{"ack":"x"}`, `{"records":[1]}`}})
	f := newFixture(t, `ack: message`, server)
	p := newPipeline(t, f)
	p.run(f.events(1, 10))
	require.Equal(t, 1, p.signals["ACK"])
	require.Equal(t, 1, server.Counts().Upgraded)
}

func TestRefusalsThatCannotBeReadConfirmNothing(t *testing.T) {
	server := wstest.Start(t,
		wstest.WithSubprotocols(protocol.Subprotocol),
		wstest.WithFaults(wstest.Fault{MalformedAcks: []string{`{"nack":1,"records":[-1]}`}}))
	f := newFixture(t, `ack: message`, server)
	p := newPipeline(t, f)
	p.run(f.events(1, 10))
	require.Equal(t, 1, p.signals["ACK"])
	require.Equal(t, 2, server.Counts().Upgraded)
}

func TestAReceiverThatTakesABatchAgainGetsWholeBatches(t *testing.T) {
	server := wstest.Start(t,
		wstest.WithSubprotocols(protocol.Subprotocol),
		wstest.WithFaults(wstest.Fault{NackAtMessage: 1, NackRetry: true}))
	f := newFixture(t, `{ack: message, backoff: {init: 10ms, max: 20ms}}`, server)
	newPipeline(t, f).run(f.events(1, 10), f.events(11, 20))
	require.Empty(t, server.Missing(1, 20))
	waiting, ok := f.client.(*retry.Waiting)
	require.True(t, ok)
	inner, ok := waiting.Prover.(*client)
	require.True(t, ok)
	require.False(t, inner.probing())
}

func TestReceiverAtWorkIsNotDead(t *testing.T) {
	server := startConfirming(t, wstest.Fault{ProgressOnly: time.Second})
	f := newFixture(t, `{ack: message, timeout: 300ms}`, server)
	newPipeline(t, f).run(f.events(1, 10))
	require.Equal(t, 1, server.Counts().Upgraded)
}

func TestReceiverThatDoesNotConfirmIsDead(t *testing.T) {
	server := wstest.Start(t,
		wstest.WithSubprotocols(protocol.Subprotocol),
		wstest.WithFaults(wstest.Fault{MuteAcks: true}))
	f := newFixture(t, `{ack: message, timeout: 100ms}`, server)
	newPipeline(t, f).run(f.events(1, 10))
	require.Equal(t, 2, server.Counts().Upgraded)
	require.Equal(t, 2, server.Times(1))
}

func TestPauseHoldsNewMessagesBack(t *testing.T) {
	server := startConfirming(t, wstest.Fault{Pause: "300ms"})
	f := newFixture(t, `{ack: message, pipelining: 1, backoff.max: 1s}`, server)
	begun := time.Now()
	newPipeline(t, f).run(f.events(1, 10), f.events(11, 20))
	require.GreaterOrEqual(t, time.Since(begun), 300*time.Millisecond)
	require.Empty(t, server.Missing(1, 20))
}

func TestOldConnectionsAreReplaced(t *testing.T) {
	for _, ack := range []string{"ping", "message"} {
		t.Run(ack, func(t *testing.T) {
			server := startConfirming(t, wstest.Fault{Delay: 20 * time.Millisecond, AckDelay: 20 * time.Millisecond})
			f := newFixture(t, fmt.Sprintf(`{ack: %s, ttl: 100ms, pipelining: 4}`, ack), server)
			p := newPipeline(t, f)
			var batches [][]publisher.Event
			for first := 1; first < 1000; first += 20 {
				batches = append(batches, f.events(first, first+19))
			}
			p.run(batches...)
			require.Empty(t, server.Missing(1, 1000))
			require.Zero(t, server.Counts().Duplicate, "what is in flight is confirmed first")
			require.Equal(t, len(batches), p.signals["ACK"])
			conns := server.Conns()
			require.Greater(t, len(conns), 1)
			for _, conn := range conns[:len(conns)-1] {
				require.Equal(t, 1000, conn.CloseCode)
			}
		})
	}
}

func TestDeadLetterFilesAreRotated(t *testing.T) {
	folder := t.TempDir()
	f := newFixture(t, fmt.Sprintf(`{max_len: 1, dead_letter: {path: %q, rotate_every_kb: 1, number_of_files: 3}}`, folder), wstest.Start(t))
	newPipeline(t, f).run(f.events(1, 200))
	require.NoError(t, f.client.Close())
	files, err := filepath.Glob(filepath.Join(folder, "websocket*.ndjson"))
	require.NoError(t, err)
	require.Len(t, files, 3)
	for _, file := range files {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Less(t, info.Size(), int64(2048), "the limit is passed by one line at most")
	}
	require.EqualValues(t, 200, f.ints()["dead_letter.written"])
}
