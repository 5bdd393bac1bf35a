// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"github.com/tinylib/msgp/msgp"

	"filebeat-websocket/protocol"
	"filebeat-websocket/protocol/forward"
)

const binaryFrame = 0x82

// chunked is a request with one record and that id.
func chunked(chunk string) string {
	request := append([]byte("\x93\xa1t\xc4\x0f\x92"), forwardedEntry...)
	return string(msgp.AppendString(append(request, "\x81\xa5chunk"...), chunk))
}

const (
	// forwardedEntry is what stands in an entry: 2021-02-05T22:17:09.123456789Z as
	// EventTime, and {"a":1}.
	forwardedEntry = "\xd7\x00\x60\x1d\xc3\xe5\x07\x5b\xcd\x15\x81\xa1a\x01"
	// forwarded is what the record becomes, with the tag t.
	forwarded = `{"@timestamp":"2021-02-05T22:17:09.123456789Z","tag":"t","a":1}`
)

// chunks takes acks from the client, each of which has to be of that chunk.
func (c *testClient) chunks(t testing.TB, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		chunk, err := forward.ParseAck([]byte(take(t, c.messages)))
		require.NoError(t, err)
		require.Equal(t, want, chunk)
	}
}

func (c *testClient) sendBinary(t testing.TB, message string) {
	t.Helper()
	require.NoError(t, c.WriteMessage(websocket.BinaryMessage, []byte(message)))
}

func TestRequestsWithAChunkAreAcked(t *testing.T) {
	for _, format := range []string{"forward", "auto"} {
		t.Run(format, func(t *testing.T) {
			var s memorySink
			_, url := start(t, &s, Options{Format: format})
			c := dial(t, url)
			c.sendBinary(t, chunked("one"))
			c.chunks(t, "one")
			c.sendBinary(t, chunked("two")+"\xc0"+chunked("")+chunked("three"))
			c.chunks(t, "two", "three")
			c.sendBinary(t, chunked("one"))
			c.chunks(t, "one")
			c.sendBinary(t, "\xc0")
			c.sendBinary(t, chunked(""))
			c.ping(t, "x")
			take(t, c.pongs)
			require.Empty(t, c.messages)
			require.Len(t, s.got(), 6)
			require.Equal(t, forwarded, s.got()[0])
			require.Equal(t, []string{"two", "", "three"}, s.messages[1].Chunks)
			require.Equal(t, []int{1, 1, 1}, s.messages[1].ChunkRecords)
			require.Equal(t, "forward", s.messages[1].Format)
			require.Empty(t, s.messages[3].Chunks, "a heartbeat is not a request")
		})
	}
	t.Run("a chunk is bytes, and comes back as they are", func(t *testing.T) {
		_, url := start(t, new(memorySink), Options{})
		c := dial(t, url)
		c.sendBinary(t, chunked("\x00\xff\u00e4=="))
		c.chunks(t, "\x00\xff\u00e4==")
	})
	t.Run("not if no acknowledgement is wanted", func(t *testing.T) {
		_, url := start(t, new(memorySink), Options{Ack: "none"})
		c := dial(t, url)
		c.sendBinary(t, chunked("one"))
		c.ping(t, "x")
		take(t, c.pongs)
		require.Empty(t, c.messages)
	})
	t.Run("to a client that speaks filebeat.ack.v1 too, both ways", func(t *testing.T) {
		_, url := start(t, new(memorySink), Options{})
		c := dial(t, url, protocol.Subprotocol)
		c.sendBinary(t, chunked("one"))
		c.chunks(t, "one")
		c.replies(t, `{"ack":1}`)
	})
}

func TestNoChunkIsAckedBeforeTheCommitThatCoversIt(t *testing.T) {
	commits, consumer := newCommits(), newConsumer()
	_, url := start(t, funcSink{consumer.consume, commits.commit}, Options{})
	c := dial(t, url)
	c.frames(t, maskedFrame(binaryFrame, chunked("one")), maskedFrame(binaryFrame, chunked("two")))
	take(t, commits.entered)
	consumer.wait(t, 2)
	c.sendBinary(t, chunked("three"))
	consumer.wait(t, 1)
	require.Empty(t, c.messages)
	commits.result <- nil
	c.chunks(t, "one", "two")
	take(t, commits.entered)
	require.Empty(t, c.messages, "it came while Commit ran")
	commits.result <- nil
	c.chunks(t, "three")
	close(commits.open)
}

func TestAChunkThatWasNotStoredIsNotAcked(t *testing.T) {
	t.Run("a Commit that fails ends the connection", func(t *testing.T) {
		commits, consumer := newCommits(), newConsumer()
		_, url := start(t, funcSink{consumer.consume, commits.commit}, Options{})
		c := dial(t, url)
		c.sendBinary(t, chunked("one"))
		take(t, commits.entered)
		c.sendBinary(t, chunked("two"))
		consumer.wait(t, 2)
		commits.result <- errors.New("no")
		require.Equal(t, &websocket.CloseError{Code: 1011, Text: "messages could not be stored"}, take(t, c.ended))
		require.Empty(t, c.messages)
		close(commits.open)
	})
	t.Run("one that was before is", func(t *testing.T) {
		commits, consumer := newCommits(), newConsumer()
		_, url := start(t, funcSink{consumer.consume, commits.commit}, Options{})
		c := dial(t, url)
		c.sendBinary(t, chunked("one"))
		take(t, commits.entered)
		commits.result <- nil
		c.chunks(t, "one")
		c.sendBinary(t, chunked("two"))
		take(t, commits.entered)
		commits.result <- &Refusal{Reason: "disk full", Retry: true}
		require.Equal(t, &websocket.CloseError{Code: 1013, Text: "disk full"}, take(t, c.ended))
		require.Empty(t, c.messages)
		close(commits.open)
	})
	for name, test := range map[string]struct {
		said error
		want websocket.CloseError
	}{
		"refused for good":         {&Refusal{Reason: "no"}, websocket.CloseError{Code: 1007, Text: "no"}},
		"refused for the moment":   {&Refusal{Reason: "later", Retry: true}, websocket.CloseError{Code: 1013, Text: "later"}},
		"refused in part":          {&Refusal{Reason: "no", Records: []int{1}}, websocket.CloseError{Code: 1007, Text: "no"}},
		"an error of another kind": {errors.New("secret"), websocket.CloseError{Code: 1011, Text: "message 2 was not taken"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, url := start(t, SinkFunc(func(_ context.Context, m *Message) error {
				if m.Number == 2 {
					return test.said
				}
				return nil
			}), Options{})
			c := dial(t, url)
			c.sendBinary(t, chunked("one"))
			c.sendBinary(t, chunked("two")+chunked("three"))
			c.chunks(t, "one")
			require.Equal(t, &test.want, take(t, c.ended))
			require.Empty(t, c.messages)
		})
	}
	t.Run("refused in part, with filebeat.ack.v1", func(t *testing.T) {
		_, url := start(t, SinkFunc(func(context.Context, *Message) error { return &Refusal{Reason: "no", Records: []int{1}} }), Options{})
		c := dial(t, url, protocol.Subprotocol)
		c.sendBinary(t, chunked("one")+chunked("two"))
		c.replies(t, `{"nack":1,"reason":"no","retry":false,"records":[1]}`)
	})
	t.Run("a message that is not a request", func(t *testing.T) {
		_, url := start(t, new(memorySink), Options{})
		c := dial(t, url)
		c.sendBinary(t, chunked("one"))
		c.sendBinary(t, chunked("two")+"\x92\xa1t\xc4\xff")
		c.chunks(t, "one")
		require.Equal(t, &websocket.CloseError{Code: 1007, Text: "MessagePack is cut short at byte 34"}, take(t, c.ended))
		require.Empty(t, c.messages)
	})
	t.Run("text", func(t *testing.T) {
		_, url := start(t, new(memorySink), Options{Format: "forward"})
		c := dial(t, url)
		c.send(t, "{}")
		require.Equal(t, &websocket.CloseError{Code: 1003, Text: "format forward takes binary messages"}, take(t, c.ended))
	})
	t.Run("a bomb", func(t *testing.T) {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, err := w.Write(make([]byte, 1001))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		_, url := start(t, new(memorySink), Options{MaxMessageBytes: 1000})
		c := dial(t, url)
		c.sendBinary(t, string(append(msgp.AppendBytes([]byte("\x93\xa1t"), packed.Bytes()), "\x81\xaacompressed\xa4gzip"...)))
		require.Equal(t, &websocket.CloseError{Code: 1009, Text: "entries are longer than 1000 bytes when inflated"}, take(t, c.ended))
	})
}

// TestChunksThatAClientIsOwedAreBounded: one that does not read its acks is read
// no more once it is owed a thousand.
func TestChunksThatAClientIsOwedAreBounded(t *testing.T) {
	commits, consumer := newCommits(), newConsumer()
	_, url := start(t, funcSink{consumer.consume, commits.commit}, Options{})
	c := dial(t, url)
	many := ""
	for i := range maxReplies / 2 {
		many += chunked(fmt.Sprint(i))
	}
	for range 3 {
		c.sendBinary(t, many)
	}
	take(t, commits.entered)
	consumer.wait(t, 2)
	require.EqualValues(t, 2, consumer.messages.Load())
	commits.result <- nil
	close(commits.open)
	for range 3 {
		for i := range maxReplies / 2 {
			c.chunks(t, fmt.Sprint(i))
		}
	}
}

// TestEveryChunkOfManyConnectionsIsAckedOnceItIsDurable counts what is acked
// over a Commit that fails now and then: nothing that is not durable, and in the
// end all, since a client sends again what it has no ack for.
func TestEveryChunkOfManyConnectionsIsAckedOnceItIsDurable(t *testing.T) {
	store := newChunkStore()
	_, url := start(t, funcSink{store.consume, store.commit}, Options{})
	const connections, chunksEach = 4, 300
	errs := make(chan error, connections)
	for n := range connections {
		go func() { errs <- sendChunks(t.Context(), url, store, n, chunksEach) }()
	}
	for range connections {
		require.NoError(t, take(t, errs))
	}
	require.Len(t, store.durable, connections*chunksEach)
}
