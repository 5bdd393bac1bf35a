// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
)

// each runs a test with every receiver of the document.
func each(t *testing.T, test func(t *testing.T, r *receiver)) {
	t.Helper()
	for name, l := range languages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, startReceiver(t, l))
		})
	}
}

// stream sends records with the numbers first to last, one a message, on a
// goroutine of its own. The returned channel has the error once it ends.
func (c *testClient) stream(first, last int) <-chan error {
	ended := make(chan error, 1)
	go func() {
		for seq := first; seq <= last; seq++ {
			if err := c.send(record(seq)); err != nil {
				ended <- err
				return
			}
		}
		ended <- nil
	}()
	return ended
}

func TestAcksAreCumulativeAndComeAfterTheRecordsAreInTheFile(t *testing.T) {
	each(t, func(t *testing.T, r *receiver) {
		const messages = 20_000
		c, file := dial(t, r.url()), newStored(t, r, `"seq":`)
		ended := c.stream(1, messages)
		confirmed := 0
		nacks, acks := c.acked(messages, func(ack uint64) {
			file.look()
			file.requireAll(confirmed+1, int(ack))
			confirmed = int(ack)
		})
		require.NoError(t, <-ended)
		require.Empty(t, nacks)
		require.Less(t, acks, messages/2, "acks are coalesced")
		t.Logf("%d messages, %d acks", messages, acks)
		require.Len(t, file.seen, messages)
		for seq, times := range file.seen {
			require.Equal(t, 1, times, "record %d", seq)
		}
		require.Zero(t, file.torn)
	})
}

func TestAMessageOfManyRecordsIsConfirmedAsOne(t *testing.T) {
	each(t, func(t *testing.T, r *receiver) {
		const messages, size = 200, 50
		c, file := dial(t, r.url()), newStored(t, r, `"seq":`)
		for first := 1; first <= messages*size; first += size {
			var lines strings.Builder
			for seq := first; seq < first+size; seq++ {
				lines.WriteString(record(seq) + "\n")
			}
			require.NoError(t, c.send(lines.String()))
		}
		nacks, _ := c.acked(messages, func(ack uint64) {
			file.look()
			file.requireAll(1, int(ack)*size)
		})
		require.Empty(t, nacks)
		require.Len(t, file.seen, messages*size)
	})
}

func TestABadRecordIsRefusedForGoodAndTheOthersAreStored(t *testing.T) {
	each(t, func(t *testing.T, r *receiver) {
		c, file := dial(t, r.url()), newStored(t, r, `"seq":`)
		for _, message := range []string{
			record(1),
			`{"message":"half a`,
			record(2) + "\n{]\n" + record(3) + "\nnot JSON\n",
			strings.Repeat("[", 500_000),
			"",
			record(4),
		} {
			require.NoError(t, c.send(message))
		}
		nacks, _ := c.acked(6, func(uint64) {})
		for number, records := range map[uint64][]int{2: {0}, 3: {1, 3}, 4: {0}, 5: {0}} {
			nack := nacks[number]
			require.Equal(t, records, nack.Records, "message %d", number)
			require.False(t, nack.Retry)
			require.NotEmpty(t, nack.Reason)
		}
		require.Len(t, nacks, 4)
		file.look()
		require.Equal(t, map[int]int{1: 1, 2: 1, 3: 1, 4: 1}, file.seen)
		require.Zero(t, file.torn, "nothing bad is in the file")
	})
}

func TestARecordThatComesAgainWithItsIDIsStoredOnce(t *testing.T) {
	withID := func(id string, offset, seq int) string {
		return fmt.Sprintf(`{"@metadata":{"_id":%q},"agent":{"id":"x"},"log":{"offset":%d},"message":"a line %d","seq":%d}`, id, offset, seq, seq)
	}
	each(t, func(t *testing.T, r *receiver) {
		file := newStored(t, r, `"seq":`)
		c := dial(t, r.url())
		for _, message := range []string{
			withID("a", 0, 1),
			withID("a", 0, 1) + "\n" + withID("b", 10, 2) + "\n" + withID("b", 10, 2),
			withID("a", 20, 3), // another line with that id
			record(4),
			record(4), // without an id
		} {
			require.NoError(t, c.send(message))
		}
		nacks, _ := c.acked(5, func(uint64) {})
		require.Empty(t, nacks)
		r.kill()
		r.start()
		c = dial(t, r.url())
		require.NoError(t, c.send(withID("b", 10, 2)+"\n"+withID("c", 30, 5)))
		require.NoError(t, c.send(withID("a", 0, 1)))
		c.acked(2, func(uint64) {})
		file.look()
		require.Equal(t, map[int]int{1: 1, 2: 1, 3: 1, 4: 2, 5: 1}, file.seen)
	})
}

// endless is more records than a receiver can take before it is stopped, so that the
// client sends until the connection ends.
const endless = 10_000_000

func TestAReceiverKilledInTheMiddleHasAllThatItConfirmed(t *testing.T) {
	each(t, func(t *testing.T, r *receiver) {
		const kills = 3
		file, confirmed := newStored(t, r, `"seq":`), 0
		for range kills {
			c, first := dial(t, r.url()), confirmed+1
			ended, killed := c.stream(first, endless), false
			for reply := range c.replies {
				require.Zero(t, reply.Nack)
				confirmed = first - 1 + int(reply.Ack)
				if reply.Ack >= 3000 && !killed {
					r.kill()
					killed = true
				}
			}
			require.Error(t, <-ended)
			file.look()
			file.requireAll(1, confirmed)
			r.start()
		}
		c := dial(t, r.url())
		require.NoError(t, c.send(record(confirmed+1)))
		require.Equal(t, protocol.Reply{Ack: 1}, c.reply(), "numbers start at 1 again")
		file.look()
		file.requireAll(1, confirmed+1)
		require.LessOrEqual(t, file.torn, kills, "a kill tears at most one line")
	})
}

func TestARecordBehindHalfALineHasALineOfItsOwn(t *testing.T) {
	each(t, func(t *testing.T, r *receiver) {
		r.kill()
		require.NoError(t, os.WriteFile(r.file, []byte(record(1)+"\n"+`{"message":"ha`), 0o600))
		r.start()
		c, file := dial(t, r.url()), newStored(t, r, `"seq":`)
		require.NoError(t, c.send(record(2)))
		require.Equal(t, protocol.Reply{Ack: 1}, c.reply())
		file.look()
		require.Equal(t, map[int]int{1: 1, 2: 1}, file.seen)
		require.Equal(t, 1, file.torn)
	})
}

func TestAReceiverThatCanNotWriteConfirmsNothing(t *testing.T) {
	each(t, func(t *testing.T, r *receiver) {
		r.kill()
		r.file = filepath.Join(fullDisk(t), "records.ndjson")
		r.start()
		c := dial(t, r.url())
		require.NoError(t, c.send(record(1)))
		for reply := range c.replies {
			require.Fail(t, "a reply", "%+v", reply)
		}
		require.Equal(t, 1, r.exitCode())
	})
}

// fullDisk mounts a disk without space.
func fullDisk(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	require.NoError(t, syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=64k"))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(folder, syscall.MNT_DETACH)) })
	require.ErrorIs(t, os.WriteFile(filepath.Join(folder, "filler"), make([]byte, 1<<17), 0o600), syscall.ENOSPC)
	return folder
}

func TestAReceiverThatIsStoppedConfirmsWhatItHasAndSaysGoodbye(t *testing.T) {
	each(t, func(t *testing.T, r *receiver) {
		c, file := dial(t, r.url()), newStored(t, r, `"seq":`)
		ended := c.stream(1, endless)
		confirmed, stopped := 0, false
		for reply := range c.replies {
			confirmed = int(reply.Ack)
			if confirmed >= 2000 && !stopped {
				r.terminate()
				stopped = true
			}
		}
		require.True(t, websocket.IsCloseError(c.end, websocket.CloseGoingAway), "%v", c.end)
		require.NoError(t, c.conn.Close())
		require.Error(t, <-ended)
		require.Zero(t, r.exitCode())
		file.look()
		file.requireAll(1, confirmed)
		require.Len(t, file.seen, confirmed, "all that is in the file was confirmed")
		require.Zero(t, file.torn)
	})
}

func TestTwoConnectionsAreNumberedApart(t *testing.T) {
	each(t, func(t *testing.T, r *receiver) {
		const messages = 2000
		a, b, file := dial(t, r.url()), dial(t, r.url()), newStored(t, r, `"seq":`)
		endedA, endedB := a.stream(1, messages), b.stream(messages+1, 2*messages)
		for _, c := range []*testClient{a, b} {
			nacks, _ := c.acked(messages, func(uint64) {})
			require.Empty(t, nacks)
		}
		require.NoError(t, <-endedA)
		require.NoError(t, <-endedB)
		file.look()
		file.requireAll(1, 2*messages)
	})
}

func TestWhatTheReceiversDoNotTakeEndsTheConnection(t *testing.T) {
	each(t, func(t *testing.T, r *receiver) {
		for name, test := range map[string]struct {
			subprotocols []string
			kind         int
			message      string
			code         int
		}{
			"a client without the subprotocol": {nil, websocket.TextMessage, record(1), websocket.ClosePolicyViolation},
			"a binary message":                 {[]string{protocol.Subprotocol}, websocket.BinaryMessage, record(1), websocket.ClosePolicyViolation},
			"a message that is too long":       {[]string{protocol.Subprotocol}, websocket.TextMessage, fmt.Sprintf("%q", strings.Repeat("x", 1<<20)), websocket.CloseMessageTooBig},
		} {
			t.Run(name, func(t *testing.T) {
				dialer := websocket.Dialer{Subprotocols: test.subprotocols}
				conn, response, err := dialer.DialContext(t.Context(), r.url(), nil)
				require.NoError(t, err)
				require.NoError(t, response.Body.Close())
				defer func() { _ = conn.Close() }()
				// The receiver may have closed the connection before the end of the message.
				_ = conn.WriteMessage(test.kind, []byte(test.message))
				_, _, err = conn.ReadMessage()
				require.True(t, websocket.IsCloseError(err, test.code), "%v", err)
			})
		}
		c := dial(t, r.url())
		require.NoError(t, c.send(record(1)))
		require.Equal(t, protocol.Reply{Ack: 1}, c.reply(), "other connections are still served")
	})
}
