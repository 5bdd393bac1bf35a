// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"github.com/tinylib/msgp/msgp"
	"go.uber.org/goleak"

	"filebeat-websocket/protocol/forward"
	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/handshake"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 10 * time.Second

// store is a Sink that keeps what it gets.
type store struct {
	mutex   sync.Mutex
	records []string
	senders []string
	consume func(*receiver.Message) error // may be nil, like commit
	commit  func() error
}

func (s *store) Consume(_ context.Context, m *receiver.Message) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.consume != nil {
		if err := s.consume(m); err != nil {
			return err
		}
	}
	for _, record := range m.Records {
		s.records = append(s.records, string(record))
	}
	s.senders = append(s.senders, m.Peer.Sender)
	return nil
}

func (s *store) Commit(context.Context) error {
	if s.commit != nil {
		return s.commit()
	}
	return nil
}

func (s *store) all() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.records)
}

// house is a Server with a Sink, and what its observers were told.
type house struct {
	t       *testing.T
	server  *Server
	intake  *receiver.Intake
	sink    *store
	address string
	ended   chan receiver.End
	refused chan *receiver.Refusal
	denied  chan error
}

func open(t *testing.T, sink *store, o Options, adjust ...func(*Server)) *house {
	t.Helper()
	return openWith(t, sink, receiver.IntakeOptions{}, o, adjust...)
}

func openWith(t *testing.T, sink *store, in receiver.IntakeOptions, o Options, adjust ...func(*Server)) *house {
	t.Helper()
	h := &house{t: t, sink: sink, ended: make(chan receiver.End, 100), refused: make(chan *receiver.Refusal, 100), denied: make(chan error, 100)}
	in.Observers = []receiver.Observer{{
		Closed:  func(_ receiver.Peer, end receiver.End) { h.ended <- end },
		Refused: func(_ receiver.Peer, refusal *receiver.Refusal) { h.refused <- refusal },
	}}
	var err error
	h.intake, err = receiver.NewIntake(sink, in)
	require.NoError(t, err)
	o.Refused = func(_ context.Context, _ string, why error) { h.denied <- why }
	h.server, err = NewServer(h.intake, o)
	require.NoError(t, err)
	h.server.closeTimeout = 100 * time.Millisecond
	for _, f := range adjust {
		f(h.server)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	h.address = listener.Addr().String()
	served := make(chan error, 1)
	go func() { served <- h.server.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = h.server.Shutdown(ctx)
		require.ErrorIs(t, <-served, ErrServerClosed)
		h.intake.Shutdown(ctx)
		require.Zero(t, h.intake.MemoryInUse())
	})
	return h
}

// client is one that these tests wrote.
type client struct {
	t       *testing.T
	net     net.Conn
	replies *forward.Stream
}

func (h *house) dial() *client {
	h.t.Helper()
	conn, err := (&net.Dialer{}).DialContext(h.t.Context(), "tcp", h.address)
	require.NoError(h.t, err)
	h.t.Cleanup(func() { _ = conn.Close() })
	return &client{t: h.t, net: conn, replies: forward.NewStream(8 << 10)}
}

func (c *client) send(content ...[]byte) {
	c.t.Helper()
	_, err := c.net.Write(bytes.Join(content, nil))
	require.NoError(c.t, err)
}

// next returns the next value that the server says, nil at the end.
func (c *client) next() []byte {
	c.t.Helper()
	require.NoError(c.t, c.net.SetReadDeadline(time.Now().Add(patience)))
	piece := make([]byte, 1024)
	for {
		value, err := c.replies.Next()
		require.NoError(c.t, err)
		if value != nil {
			return value
		}
		n, err := c.net.Read(piece)
		if errors.Is(err, io.EOF) {
			return nil
		}
		require.NoError(c.t, err)
		c.replies.Write(piece[:n])
	}
}

func (c *client) ack() string {
	c.t.Helper()
	value := c.next()
	require.NotNil(c.t, value, "the connection ended")
	chunk, err := forward.ParseAck(value)
	require.NoError(c.t, err)
	return chunk
}

// anEntry is [1612563429.5, {"n": n}].
func anEntry(n int) []byte {
	b := msgp.AppendArrayHeader(nil, 2)
	b = append(b, 0xD7, 0, 0x60, 0x1D, 0xC3, 0xE5, 0x1D, 0xCD, 0x65, 0) // EventTime
	b = msgp.AppendMapHeader(b, 1)
	return msgp.AppendInt(msgp.AppendString(b, "n"), n)
}

func stored(n string) string {
	return `{"@timestamp":"2021-02-05T22:17:09.5Z","tag":"t","n":` + n + `}`
}

func options(b []byte, chunk, compressed string) []byte {
	b = msgp.AppendMapHeader(b, 2)
	b = msgp.AppendString(msgp.AppendString(b, "chunk"), chunk)
	return msgp.AppendString(msgp.AppendString(b, "compressed"), compressed)
}

func packed(chunk, compressed string, entries []byte) []byte {
	b := msgp.AppendString(msgp.AppendArrayHeader(nil, 3), "t")
	return options(msgp.AppendBytes(b, entries), chunk, compressed)
}

func gzipped(t testing.TB, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func zstandard(t testing.TB, content []byte) []byte {
	t.Helper()
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	require.NoError(t, err)
	defer encoder.Close() //nolint:errcheck // it has nothing to write
	return encoder.EncodeAll(content, nil)
}

// requests is one in each mode, with the chunks a, b and so on.
func requests(t testing.TB) [][]byte {
	t.Helper()
	message := append(msgp.AppendString(msgp.AppendArrayHeader(nil, 4), "t"), anEntry(1)[1:]...)
	list := append(msgp.AppendArrayHeader(msgp.AppendString(msgp.AppendArrayHeader(nil, 3), "t"), 2), slices.Concat(anEntry(2), anEntry(3))...)
	return [][]byte{
		options(message, "a", "text"),
		options(list, "b", "text"),
		packed("c", "text", slices.Concat(anEntry(4), anEntry(5))),
		packed("d", "gzip", gzipped(t, anEntry(6))),
		packed("e", "zstd", zstandard(t, slices.Concat(anEntry(7), anEntry(8)))),
	}
}

func TestEveryModeIsStoredAndThenConfirmed(t *testing.T) {
	for name, cut := range map[string]int{"as one": 1 << 20, "byte by byte": 1, "in pieces of 7": 7} {
		t.Run(name, func(t *testing.T) {
			h := open(t, &store{}, Options{Sender: func(_ net.Conn, user string) string { return "sender" + user }})
			c := h.dial()
			nothing := []byte{heartbeatValue}
			for piece := range slices.Chunk(slices.Concat(nothing, bytes.Join(requests(t), nothing), nothing), cut) {
				c.send(piece)
			}
			for _, chunk := range []string{"a", "b", "c", "d", "e"} {
				require.Equal(t, chunk, c.ack())
			}
			var want []string
			for n := range strings.SplitSeq("12345678", "") {
				want = append(want, stored(n))
			}
			require.Equal(t, want, h.sink.all())
			require.Equal(t, slices.Repeat([]string{"sender"}, 5), h.sink.senders)
			require.NoError(t, c.net.Close())
			end := <-h.ended
			require.NoError(t, end.Cause)
			require.Equal(t, uint64(5), end.Messages)
			require.Equal(t, uint64(8), end.Records)
		})
	}
}

func TestWithoutAcksAndWithoutChunksNothingIsSaid(t *testing.T) {
	h := open(t, &store{}, Options{NoAcks: true})
	c := h.dial()
	c.send(requests(t)...)
	half, ok := c.net.(*net.TCPConn)
	require.True(t, ok)
	require.NoError(t, half.CloseWrite())
	require.Nil(t, c.next())
	require.Len(t, h.sink.all(), 8)
}

func TestConnectionsThatSendNothingAreNoClients(t *testing.T) {
	h := open(t, &store{}, Options{})
	require.NoError(t, h.dial().net.Close())
	c := h.dial()
	c.send(requests(t)[0])
	require.Equal(t, "a", c.ack())
	require.NoError(t, c.net.Close())
	<-h.ended
	require.Empty(t, h.ended)
	require.Empty(t, h.denied)
}

// ping is the answer of a client with that key and password to the server's HELO.
func (c *client) ping(key, user, password string) forward.Pong {
	c.t.Helper()
	helo, err := forward.ParseHelo(c.next())
	require.NoError(c.t, err)
	salt := []byte("salt")
	c.send(forward.AppendPing(nil, forward.Ping{
		Hostname: "client", Salt: salt, KeyDigest: forward.KeyDigest(salt, "client", helo.Nonce, key),
		Username: user, PasswordDigest: forward.PasswordDigest(helo.Auth, user, password),
	}))
	pong, err := forward.ParsePong(c.next())
	require.NoError(c.t, err)
	return pong
}

func TestTheHandshake(t *testing.T) {
	admitted := make(chan net.Conn, 10)
	h := open(t, &store{}, Options{
		Access:   handshake.Options{SharedKey: "key", Users: map[string]string{"alice": "pw"}},
		Sender:   func(_ net.Conn, user string) string { return user },
		Admitted: func(conn net.Conn) { admitted <- conn },
	})
	for name, wrong := range map[string][3]string{
		"another key": {"no", "alice", "pw"}, "another password": {"key", "alice", "no"}, "no such user": {"key", "bob", "pw"},
	} {
		t.Run(name, func(t *testing.T) {
			c := h.dial()
			require.False(t, c.ping(wrong[0], wrong[1], wrong[2]).OK)
			require.Nil(t, c.next(), "it is closed")
			require.ErrorIs(t, <-h.denied, ErrDenied)
		})
	}
	require.Empty(t, admitted)
	c := h.dial()
	pong := c.ping("key", "alice", "pw")
	require.True(t, pong.OK)
	require.NotEmpty(t, pong.KeyDigest)
	require.NotNil(t, <-admitted)
	c.send(requests(t)[0])
	require.Equal(t, "a", c.ack())
	require.Equal(t, []string{"alice"}, h.sink.senders)
	require.Empty(t, admitted, "told once")
}

func TestARequestInThePlaceOfTheHandshakeIsNotTaken(t *testing.T) {
	h := open(t, &store{}, Options{Access: handshake.Options{SharedKey: "key"}})
	c := h.dial()
	c.send(requests(t)...)
	require.NotNil(t, c.next(), "HELO")
	require.ErrorIs(t, <-h.denied, forward.ErrMessage)
	half := h.dial()
	half.send([]byte{0x96})
	require.NotNil(t, half.next())
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, h.server.Shutdown(ctx))
	require.Empty(t, h.sink.all())
	require.Empty(t, h.ended, "nobody came in")
}

func TestAClientHasToShakeHandsInTime(t *testing.T) {
	h := open(t, &store{}, Options{Access: handshake.Options{SharedKey: "key"}}, func(s *Server) { s.handshakeTimeout = time.Millisecond })
	c := h.dial()
	require.NotNil(t, c.next(), "HELO")
	require.ErrorIs(t, <-h.denied, errNoHandshake)
	require.Nil(t, c.next())
}

func TestARequestHasToBeCompleteInTime(t *testing.T) {
	h := open(t, &store{}, Options{}, func(s *Server) { s.requestTimeout = time.Millisecond })
	c := h.dial()
	c.send(requests(t)[0][:5])
	require.Nil(t, c.next())
	require.ErrorIs(t, (<-h.ended).Cause, errTimeout)
}

func TestTheOldestIdleClientGivesWay(t *testing.T) {
	h := openWith(t, &store{}, receiver.IntakeOptions{MaxConnections: 2}, Options{}, func(s *Server) { s.idleTimeout = 100 * time.Millisecond })
	stalled, used := h.dial(), h.dial()
	stalled.send(requests(t)[1][:9])
	require.Eventually(t, func() bool { return h.intake.MemoryInUse() > 0 }, patience, time.Millisecond)
	used.send(requests(t)[0])
	require.Equal(t, "a", used.ack())
	next := func() *client {
		for {
			c := h.dial()
			c.send(requests(t)[2])
			if c.next() != nil {
				return c
			}
			require.ErrorIs(t, <-h.denied, receiver.ErrTooManyConnections)
		}
	}
	next()
	require.Nil(t, stalled.next(), "it has sent no request at all")
	require.ErrorIs(t, (<-h.ended).Cause, errIdle)
	next()
	require.Nil(t, used.next())
	require.ErrorIs(t, (<-h.ended).Cause, errIdle)
}

// TestConfirmationsThatAreNotReadTakeMemoryOfTheIntake has 64 KiB for all that clients
// are owed.
func TestConfirmationsThatAreNotReadTakeMemoryOfTheIntake(t *testing.T) {
	intake, err := receiver.NewIntake(&store{}, receiver.IntakeOptions{MaxMemory: 1 << 20})
	require.NoError(t, err)
	var all []*acks
	for range 100 {
		client, err := intake.Join(t.Context(), "192.0.2.1:1")
		require.NoError(t, err)
		here, there := net.Pipe()
		a := newAcks(here, client.Tab(), func() {})
		all = append(all, a)
		for !a.tab.Full() && len(a.owed) < maxOwedBytes {
			r := a.hold([]string{strings.Repeat("c", 1000)})
			r.take(receiver.Outcome{Count: 1})
			r.settle(nil)
		}
		t.Cleanup(func() { client.Leave(nil) })
		t.Cleanup(func() { _ = there.Close() })
	}
	owed := 0
	for _, a := range all {
		owed += len(a.owed)
	}
	require.Less(t, owed, 64<<10+100*(6<<10))
	require.LessOrEqual(t, intake.MemoryInUse(), int64(64<<10))
	for _, a := range all {
		_ = a.conn.Close()
		var writing sync.WaitGroup
		writing.Go(a.writeLoop)
		require.Error(t, a.finish())
		writing.Wait()
	}
	require.Zero(t, intake.MemoryInUse())
}

func TestATooLongRequestEndsTheConnectionAtOnce(t *testing.T) {
	h := open(t, &store{}, Options{MaxRequestBytes: 1000})
	c := h.dial()
	c.send(requests(t)[0], []byte("\x92\xA1t\xC6\x7F\xFF\xFF\xFF"))
	require.Equal(t, "a", c.ack(), "what came before is stored")
	require.Nil(t, c.next())
	refusal := <-h.refused
	require.ErrorIs(t, refusal, ErrTooLong)
	require.Equal(t, "request is longer than 1000 bytes", refusal.Reason)

	c = h.dial()
	c.send(packed("big", "gzip", gzipped(t, bytes.Repeat(anEntry(1), 100))), requests(t)[0])
	require.Equal(t, "a", c.ack(), "entries that inflate to too much concern one request")
	require.ErrorIs(t, <-h.refused, ErrTooLong)
}

func TestWhatIsNotForwardEndsTheConnection(t *testing.T) {
	h := open(t, &store{}, Options{})
	for _, junk := range []string{"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00", "\xC1"} {
		c := h.dial()
		c.send([]byte(junk))
		require.Nil(t, c.next())
		require.NotNil(t, <-h.refused)
		require.Error(t, (<-h.ended).Cause)
	}
	require.Empty(t, h.refused, "once each")
}

func TestWhatIsRefusedForGoodIsNotConfirmedAndTheNextOneIs(t *testing.T) {
	sink := &store{consume: func(m *receiver.Message) error {
		if m.Chunks[0] == "b" {
			return &receiver.Refusal{Reason: "no", Records: []int{1}}
		}
		return nil
	}}
	h := open(t, sink, Options{})
	c := h.dial()
	all := requests(t)
	c.send(all[0], all[1], packed("bad", "text", []byte("\x01")), all[2])
	require.Equal(t, "a", c.ack())
	require.Equal(t, "c", c.ack())
	require.Equal(t, "no", (<-h.refused).Reason)
	require.Contains(t, (<-h.refused).Reason, "entries")
}

func TestWhatIsToComeAgainEndsTheConnection(t *testing.T) {
	full := &receiver.Refusal{Reason: "full", Retry: true}
	for name, sink := range map[string]*store{
		"Consume refuses": {consume: func(m *receiver.Message) error {
			if m.Chunks[0] == "b" {
				return full
			}
			return nil
		}},
		"Consume fails": {consume: func(m *receiver.Message) error {
			if m.Chunks[0] == "b" {
				return errors.New("broken")
			}
			return nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, sink, Options{})
			c := h.dial()
			c.send(requests(t)[:3]...)
			require.Equal(t, "a", c.ack())
			require.Nil(t, c.next(), "neither b nor c")
			require.True(t, (<-h.refused).Retry)
			require.Error(t, (<-h.ended).Cause)
		})
	}
	t.Run("Commit fails", func(t *testing.T) {
		h := open(t, &store{commit: func() error { return full }}, Options{})
		c := h.dial()
		c.send(requests(t)[0])
		require.Nil(t, c.next())
		require.Equal(t, "full", (<-h.refused).Reason)
		require.ErrorContains(t, (<-h.ended).Cause, "full")
	})
}

func TestManyRequestsAreUnderWayAtOnce(t *testing.T) {
	release := make(chan struct{})
	var once sync.Once
	began := make(chan struct{})
	h := open(t, &store{commit: func() error {
		once.Do(func() { close(began) })
		<-release
		return nil
	}}, Options{})
	c := h.dial()
	const count = 1000
	for n := range count {
		c.send(packed(string(rune('a'+n%26)), "text", anEntry(n)))
	}
	<-began
	require.Eventually(t, func() bool { return len(h.sink.all()) == count }, patience, time.Millisecond, "none waits for a Commit")
	close(release)
	for n := range count {
		require.Equal(t, string(rune('a'+n%26)), c.ack())
	}
}

func TestShutdownTakesTheRequestUnderWay(t *testing.T) {
	h := open(t, &store{}, Options{})
	idle, busy := h.dial(), h.dial()
	all := requests(t)
	idle.send(all[0])
	require.Equal(t, "a", idle.ack())
	busy.send(all[1], all[2][:9])
	require.Equal(t, "b", busy.ack())
	ended := make(chan error, 1)
	go func() { ended <- h.server.Shutdown(t.Context()) }()
	require.Nil(t, idle.next())
	require.NoError(t, idle.net.Close())
	busy.send(all[2][9:])
	require.Equal(t, "c", busy.ack())
	require.Nil(t, busy.next())
	require.NoError(t, busy.net.Close())
	require.NoError(t, <-ended)
	require.ErrorIs(t, (<-h.ended).Cause, errShutdown)
	require.ErrorIs(t, (<-h.ended).Cause, errShutdown)
}

func TestAnOldConnectionEndsAfterTheRequestUnderWay(t *testing.T) {
	h := open(t, &store{}, Options{MaxConnectionAge: 200 * time.Millisecond})
	all := requests(t)
	c := h.dial()
	c.send(all[0], all[1][:9])
	require.Equal(t, "a", c.ack())
	time.Sleep(200 * time.Millisecond) // the age: the request under way is still taken
	c.send(all[1][9:])
	require.Equal(t, "b", c.ack())
	require.Nil(t, c.next())
	require.NoError(t, c.net.Close())
	require.ErrorIs(t, (<-h.ended).Cause, errShutdown)
}

func TestAConnectionWithoutConfirmationsIsNeverTooOld(t *testing.T) {
	h := open(t, &store{}, Options{MaxConnectionAge: 20 * time.Millisecond, NoAcks: true})
	all := requests(t)
	c := h.dial()
	c.send(all[0])
	require.Eventually(t, func() bool { return len(h.sink.all()) > 0 }, patience, time.Millisecond)
	h.server.Retire(20 * time.Millisecond)
	time.Sleep(50 * time.Millisecond) // more than the age
	before := len(h.sink.all())
	c.send(all[1])
	require.Eventually(t, func() bool { return len(h.sink.all()) > before }, patience, time.Millisecond)
}

func TestShutdownCutsWhatDoesNotEnd(t *testing.T) {
	h := open(t, &store{}, Options{})
	c := h.dial()
	c.send(requests(t)[0], requests(t)[1][:3])
	require.Equal(t, "a", c.ack())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, h.server.Shutdown(ctx), context.Canceled)
	require.Error(t, (<-h.ended).Cause)
}

// TestShutdownLeavesWhatItHasNoTimeFor: a client may have sent more than can be stored
// within Shutdown's time.
func TestShutdownLeavesWhatItHasNoTimeFor(t *testing.T) {
	began, release := make(chan struct{}, 100), make(chan struct{})
	h := open(t, &store{consume: func(*receiver.Message) error {
		began <- struct{}{}
		<-release
		return nil
	}}, Options{})
	c := h.dial()
	c.send(slices.Concat(slices.Repeat(requests(t), 10)...))
	<-began
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ended := make(chan error, 1)
	go func() { ended <- h.server.Shutdown(ctx) }()
	<-h.server.ctx.Done()
	close(release)
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Empty(t, began, "only what was begun is brought to its end")
}

func TestHeartbeatsOverUDP(t *testing.T) {
	h := open(t, &store{}, Options{})
	packets, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- h.server.ServeHeartbeats(packets) }()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "udp", packets.LocalAddr().String())
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	answer := make([]byte, 10)
	for _, ping := range []string{heartbeat, "longer than it is"} {
		_, err = conn.Write([]byte(ping))
		require.NoError(t, err)
		n, err := conn.Read(answer)
		require.NoError(t, err)
		require.Equal(t, heartbeat, string(answer[:n]))
	}
	require.NoError(t, conn.Close())
	require.NoError(t, h.server.Shutdown(t.Context()))
	require.ErrorIs(t, <-served, ErrServerClosed)
}

// countedPackets counts answers.
type countedPackets struct {
	net.PacketConn
	answers atomic.Int64
}

func (c *countedPackets) WriteTo(p []byte, to net.Addr) (int, error) {
	c.answers.Add(1)
	return c.PacketConn.WriteTo(p, to)
}

func TestServersDoNotAnswerEachOthersHeartbeats(t *testing.T) {
	h := open(t, &store{}, Options{})
	packets, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	require.NoError(t, err)
	counted := &countedPackets{PacketConn: packets}
	served := make(chan error, 1)
	go func() { served <- h.server.ServeHeartbeats(counted) }()
	_, err = packets.WriteTo([]byte(heartbeat), packets.LocalAddr())
	require.NoError(t, err)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "udp", packets.LocalAddr().String())
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	_, err = conn.Write([]byte(heartbeat))
	require.NoError(t, err)
	_, err = conn.Read(make([]byte, 1))
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	require.NoError(t, h.server.Shutdown(t.Context()))
	require.ErrorIs(t, <-served, ErrServerClosed)
	require.EqualValues(t, 1, counted.answers.Load())
}

// TestRequestsAsLongAsFluentdsAreTaken sends 8 MB, Fluentd's chunk_limit_size.
func TestRequestsAsLongAsFluentdsAreTaken(t *testing.T) {
	var count int
	h := open(t, &store{consume: func(m *receiver.Message) error {
		count += len(m.Records)
		return nil
	}}, Options{})
	entry := append(anEntry(0)[:11], msgp.AppendString(append([]byte{0x81}, "\xA7message"...), strings.Repeat("x", 200))...)
	entries := bytes.Repeat(entry, 8<<20/len(entry))
	c := h.dial()
	c.send(packed("long", "text", entries), packed("gzip", "gzip", gzipped(t, entries)), packed("zstd", "zstd", zstandard(t, entries)))
	for _, chunk := range []string{"long", "gzip", "zstd"} {
		require.Equal(t, chunk, c.ack())
	}
	require.Equal(t, 3*(len(entries)/len(entry)), count)
}

func TestOptionsAreChecked(t *testing.T) {
	intake, err := receiver.NewIntake(&store{}, receiver.IntakeOptions{MaxMemory: 8 << 20})
	require.NoError(t, err)
	for want, o := range map[string]Options{
		"MaxRequestBytes can't be negative":    {MaxRequestBytes: -1},
		"option MaxMemory":                     {},
		"option Access.Users: needs SharedKey": {MaxRequestBytes: 64 << 10, Access: handshake.Options{Users: map[string]string{"a": "b"}}},
	} {
		_, err := NewServer(intake, o)
		require.ErrorContains(t, err, want)
	}
}
