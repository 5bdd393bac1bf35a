// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package jetstream

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	natsjetstream "github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"filebeat-websocket/receiver"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// startServer runs a server with JetStream, which syncs before it acknowledges.
func startServer(t testing.TB, change func(*server.Options)) *server.Server {
	t.Helper()
	options := &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), SyncAlways: true, NoSigs: true, NoLog: true}
	if change != nil {
		change(options)
	}
	s, err := server.NewServer(options)
	require.NoError(t, err)
	s.Start()
	if len(options.Routes) == 0 { // those of a cluster wait for each other
		require.True(t, s.ReadyForConnections(10*time.Second))
	}
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	return s
}

// apiOf returns a client of the server.
func apiOf(t testing.TB, s *server.Server) natsjetstream.JetStream {
	t.Helper()
	connection, err := nats.Connect(s.ClientURL())
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	api, err := natsjetstream.New(connection)
	require.NoError(t, err)
	return api
}

func openSink(t testing.TB, o Options) *Sink {
	t.Helper()
	sink, err := New(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = sink.Close() })
	return sink
}

// withID is a record that n tells apart.
func withID(n int) string {
	return fmt.Sprintf(`{"@timestamp":"2021-02-05T22:17:09.123Z","@metadata":{"_id":"%d"},"agent":{"id":"x","name":"web-%d"},"message":"line %d"}`, n, n%2, n)
}

func messageOf(records ...string) *receiver.Message {
	m := &receiver.Message{Format: "json", Peer: receiver.Peer{ID: 1, RemoteAddr: "192.0.2.7:1234", Sender: "sender"}}
	for _, r := range records {
		m.Records = append(m.Records, []byte(r))
	}
	return m
}

func store(t testing.TB, sink *Sink, records ...string) {
	t.Helper()
	require.NoError(t, sink.Consume(t.Context(), messageOf(records...)))
	require.NoError(t, sink.Commit(t.Context()))
}

// stored returns what is in a stream, in order, as "SUBJECT RECORD".
func stored(t testing.TB, api natsjetstream.JetStream, name string) (records []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	stream, err := api.Stream(ctx, name)
	require.NoError(t, err)
	info, err := stream.Info(ctx)
	require.NoError(t, err)
	if info.State.Msgs == 0 {
		return nil
	}
	consumer, err := stream.OrderedConsumer(ctx, natsjetstream.OrderedConsumerConfig{})
	require.NoError(t, err)
	batch, err := consumer.Fetch(int(info.State.Msgs))
	require.NoError(t, err)
	for m := range batch.Messages() {
		records = append(records, m.Subject()+" "+string(m.Data()))
	}
	require.NoError(t, batch.Error())
	require.Len(t, records, int(info.State.Msgs))
	return records
}

func TestRecordsAreInTheStreamOnce(t *testing.T) {
	s := startServer(t, nil)
	api := apiOf(t, s)
	o, err := Parse(s.ClientURL() + "/logs.{agent.name}.{@peer.address}?create=true")
	require.NoError(t, err)
	one, two := openSink(t, o), openSink(t, o)
	require.Equal(t, []string{"logs"}, one.Streams())

	store(t, one, withID(1), withID(2), `"no id"`)
	store(t, two, withID(1), withID(3), `"no id"`) // through another receiver
	other := messageOf(withID(1))
	other.Peer.Sender = "another sender"
	require.NoError(t, two.Consume(t.Context(), other))
	require.NoError(t, two.Commit(t.Context()))
	require.Equal(t, []string{
		"logs.web-1.192_0_2_7 " + withID(1), "logs.web-0.192_0_2_7 " + withID(2), `logs._none.192_0_2_7 "no id"`,
		"logs.web-1.192_0_2_7 " + withID(3), `logs._none.192_0_2_7 "no id"`,
		"logs.web-1.192_0_2_7 " + withID(1),
	}, stored(t, api, "logs"))
	require.Nil(t, one.Failed())
}

func TestAMissingStreamEndsTheStartWithTheCommandThatMakesIt(t *testing.T) {
	s := startServer(t, nil)
	o, err := Parse(s.ClientURL() + "/logs.{agent.name}")
	require.NoError(t, err)
	_, err = New(t.Context(), o)
	require.ErrorContains(t, err, "nats stream add logs --subjects 'logs.*' --storage file")
	require.ErrorContains(t, err, "?create=true")

	_, err = apiOf(t, s).CreateStream(t.Context(), natsjetstream.StreamConfig{Name: "logs", Subjects: []string{"logs.*"}, NoAck: true})
	require.NoError(t, err)
	_, err = New(t.Context(), o)
	require.ErrorContains(t, err, "no_ack")
}

// TestReplicasWithoutAClusterEndTheStartAtOnce has a server that will never have room for
// three copies, as opposed to a cluster that starts.
func TestReplicasWithoutAClusterEndTheStartAtOnce(t *testing.T) {
	o, err := Parse(startServer(t, nil).ClientURL() + "/logs?create=true&replicas=3")
	require.NoError(t, err)
	o.startTimeout = time.Hour // the test ends by its own timeout if the sink tries again
	_, err = New(t.Context(), o)
	require.ErrorContains(t, err, "make stream logs with 3 replicas: the server is not in a cluster")
	require.ErrorContains(t, err, "replicas=1")
}

func TestARecordThatIsTooLongIsRefusedForGood(t *testing.T) {
	s := startServer(t, func(o *server.Options) { o.MaxPayload = 2000 })
	_, err := apiOf(t, s).CreateStream(t.Context(), natsjetstream.StreamConfig{Name: "logs", Subjects: []string{"logs"}, MaxMsgSize: 1000})
	require.NoError(t, err)
	o, err := Parse(s.ClientURL() + "/logs")
	require.NoError(t, err)
	sink := openSink(t, o)
	err = sink.Consume(t.Context(), messageOf(`"short"`, `"`+strings.Repeat("x", 3000)+`"`, `"short"`))
	var refusal *receiver.Refusal
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, []int{1}, refusal.Records)
	require.False(t, refusal.Retry)
	require.Contains(t, refusal.Reason, "longer than the engine takes")
	require.NoError(t, sink.Commit(t.Context()))
	require.Len(t, stored(t, apiOf(t, s), "logs"), 2)
	require.Nil(t, sink.Failed())
}

func TestAnEngineThatIsAwayConfirmsNothingAndComesBack(t *testing.T) {
	folder := t.TempDir()
	change := func(o *server.Options) { o.StoreDir = folder }
	s := startServer(t, change)
	port := s.Addr().String()
	o, err := Parse(s.ClientURL() + "/logs?create=true")
	require.NoError(t, err)
	told := make(chan *receiver.Refusal, 10)
	o.Changed = func(r *receiver.Refusal) { told <- r }
	sink := openSink(t, o)
	store(t, sink, withID(1))
	s.Shutdown()
	s.WaitForShutdown()
	refusal := <-told
	require.NotNil(t, refusal)
	require.Equal(t, refusal.Reason, sink.Failed().Reason)
	err = sink.Consume(t.Context(), messageOf(withID(2)))
	require.ErrorAs(t, err, &refusal)
	require.True(t, refusal.Retry)
	require.NotZero(t, refusal.Pause)
	require.NoError(t, sink.Commit(t.Context()))

	s = startServer(t, func(o *server.Options) {
		change(o)
		_, err := fmt.Sscanf(port, "127.0.0.1:%d", &o.Port)
		require.NoError(t, err)
	})
	require.Nil(t, <-told)
	store(t, sink, withID(2))
	require.Equal(t, []string{"logs " + withID(1), "logs " + withID(2)}, stored(t, apiOf(t, s), "logs"))
}

// TestAcknowledgementsOfTheServerNeedNoParser guards the speed of isAck, not its result.
func TestAcknowledgementsOfTheServerNeedNoParser(t *testing.T) {
	s := startServer(t, nil)
	o, err := Parse(s.ClientURL() + "/logs?create=true")
	require.NoError(t, err)
	sink := openSink(t, o)
	connection, err := nats.Connect(s.ClientURL())
	require.NoError(t, err)
	defer connection.Close()
	reply, err := connection.Request("logs", []byte(`"record"`), 10*time.Second)
	require.NoError(t, err)
	require.True(t, sink.isAck(reply.Data), string(reply.Data))
}

func TestFieldsSpreadRecordsOverStreams(t *testing.T) {
	s := startServer(t, nil)
	api := apiOf(t, s)
	for name, subjects := range map[string][]string{"one": {"logs.web-0", "logs._none"}, "two": {"logs.web-1"}, "other": {"others.*"}} {
		_, err := api.CreateStream(t.Context(), natsjetstream.StreamConfig{Name: name, Subjects: subjects})
		require.NoError(t, err)
	}
	o, err := Parse(s.ClientURL() + "/logs.{agent.name}")
	require.NoError(t, err)
	sink := openSink(t, o)
	require.ElementsMatch(t, []string{"one", "two"}, sink.Streams())
	store(t, sink, withID(1), withID(2), withID(3), `{}`)
	require.Equal(t, []string{"logs.web-0 " + withID(2), "logs._none {}"}, stored(t, api, "one"))
	require.Equal(t, []string{"logs.web-1 " + withID(1), "logs.web-1 " + withID(3)}, stored(t, api, "two"))

	var late lateRefusals
	m := messageOf(withID(4), `{"agent":{"name":"unknown"}}`)
	m.Late = &late
	err = sink.Consume(t.Context(), m)
	require.NoError(t, sink.Commit(t.Context()))
	refused := late.all
	if early, ok := errors.AsType[*receiver.Refusal](err); ok {
		refused = append(refused, early)
	}
	require.Len(t, refused, 1)
	require.Equal(t, []int{1}, refused[0].Records)
	require.True(t, refused[0].Retry)
	require.Equal(t, "no stream takes the subject", refused[0].Reason)
}
