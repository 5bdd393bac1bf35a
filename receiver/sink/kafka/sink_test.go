// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"filebeat-websocket/receiver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// These tests run against kfake, a fake of a broker, which is not a real one: what it does
// to batches and sequence numbers is what its authors know of Kafka.
func startCluster(t testing.TB, options ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(3)}, options...)...)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func urlOf(c *kfake.Cluster, rest string) string {
	return "kafka://" + strings.Join(c.ListenAddrs(), ",") + "/" + rest
}

func openSink(t testing.TB, url string, change func(*Options)) *Sink {
	t.Helper()
	o, err := Parse(url)
	require.NoError(t, err)
	if change != nil {
		change(&o)
	}
	sink, err := New(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = sink.Close() })
	return sink
}

// withID is a record that n tells apart.
func withID(n int) string {
	return fmt.Sprintf(`{"@timestamp":"2021-02-05T22:17:09.123Z","@metadata":{"_id":"%d"},"agent":{"id":"agent-%d","name":"web-%d"},"message":"line %d"}`, n, n%3, n%2, n)
}

// late collects what is refused after Consume.
type late struct {
	mutex   sync.Mutex
	refused []*receiver.Refusal
}

func (l *late) RefuseLate(_ uint64, refusal *receiver.Refusal) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.refused = append(l.refused, refusal)
}

func (l *late) all() []*receiver.Refusal {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return slices.Clone(l.refused)
}

func messageOf(records ...string) (*receiver.Message, *late) {
	l := new(late)
	m := &receiver.Message{Format: "json", Number: 1, Late: l, Peer: receiver.Peer{ID: 1, RemoteAddr: "192.0.2.7:1234", Sender: "sender"}}
	for _, r := range records {
		m.Records = append(m.Records, []byte(r))
	}
	return m, l
}

// stored consumes all that a cluster has: the values, in order within each partition.
func stored(t testing.TB, c *kfake.Cluster, topic string, count int) (records []*kgo.Record) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	require.NoError(t, err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for len(records) < count && ctx.Err() == nil {
		records = append(records, client.PollFetches(ctx).Records()...)
	}
	return records
}

func TestRecordsAreInTheTopicWithTheirKeys(t *testing.T) {
	c := startCluster(t)
	sink := openSink(t, urlOf(c, "logs?create=true&replicas=3"), nil)
	var sent []string
	for i := range 300 {
		sent = append(sent, withID(i))
	}
	m, l := messageOf(append(sent, `"no id"`)...)
	require.NoError(t, sink.Consume(t.Context(), m))
	require.NoError(t, sink.Commit(t.Context()))
	require.Empty(t, l.all())
	require.Nil(t, sink.Failed())
	got := map[string][]string{} // by agent
	partitions := map[string]int32{}
	keys := map[string]bool{}
	for _, r := range stored(t, c, "logs", 301) {
		text := string(r.Value)
		if text == `"no id"` {
			require.Empty(t, r.Key)
			require.Empty(t, r.Headers)
			continue
		}
		_, agent, _ := strings.Cut(text, `"id":"`)
		agent, _, _ = strings.Cut(agent, `"`)
		if len(got[agent]) > 0 {
			require.Equal(t, partitions[agent], r.Partition)
		}
		partitions[agent] = r.Partition
		got[agent] = append(got[agent], text)
		require.Len(t, r.Key, 32)
		require.Equal(t, []kgo.RecordHeader{{Key: "wsreceiver-id", Value: r.Key}}, r.Headers)
		require.False(t, keys[string(r.Key)])
		keys[string(r.Key)] = true
	}
	for agent := range 3 {
		var want []string
		for i := agent; i < 300; i += 3 {
			want = append(want, withID(i))
		}
		require.Equal(t, want, got[fmt.Sprintf("agent-%d", agent)])
	}
}

func TestTopicsWithFieldsAreMade(t *testing.T) {
	c := startCluster(t)
	sink := openSink(t, urlOf(c, "logs.{agent.name}?create=true"), nil)
	m, l := messageOf(withID(1), withID(2), `{}`)
	require.NoError(t, sink.Consume(t.Context(), m))
	require.NoError(t, sink.Commit(t.Context()))
	require.Empty(t, l.all())
	for topic, want := range map[string]string{"logs.web-1": withID(1), "logs.web-0": withID(2), "logs._none": `{}`} {
		records := stored(t, c, topic, 1)
		require.Len(t, records, 1)
		require.Equal(t, want, string(records[0].Value))
	}

	sink = openSink(t, urlOf(c, "others.{agent.name}"), nil)
	m, _ = messageOf(withID(1))
	var refusal *receiver.Refusal
	require.ErrorAs(t, sink.Consume(t.Context(), m), &refusal)
	require.True(t, refusal.Retry)
	require.ErrorContains(t, refusal.Cause, "kafka-topics.sh")
}

// TestAMessageAsksOnceForAMissingTopic guards against a message that waits for brokers once
// for each of its records.
func TestAMessageAsksOnceForAMissingTopic(t *testing.T) {
	c := startCluster(t)
	sink := openSink(t, urlOf(c, "logs.{agent.name}"), nil)
	asked := new(atomic.Int64)
	c.ControlKey(int16(kmsg.Metadata), func(request kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if topics := request.(*kmsg.MetadataRequest).Topics; len(topics) == 1 && topics[0].Topic != nil { //nolint:errcheck // ControlKey passes nothing else
			asked.Add(1)
		}
		return nil, nil, false
	})
	var list []string
	for i := range 100 {
		list = append(list, withID(i))
	}
	m, _ := messageOf(list...)
	var refusal *receiver.Refusal
	require.ErrorAs(t, sink.Consume(t.Context(), m), &refusal)
	require.Len(t, refusal.Records, 100)
	require.Equal(t, int64(2), asked.Load(), "for web-0 and web-1")
}

func TestAMissingTopicEndsTheStartWithTheCommandThatMakesIt(t *testing.T) {
	o, err := Parse(urlOf(startCluster(t), "logs"))
	require.NoError(t, err)
	_, err = New(t.Context(), o)
	require.ErrorContains(t, err, "kafka-topics.sh --bootstrap-server HOST:9092 --create --topic logs")
	require.ErrorContains(t, err, "?create=true")
}

// TestNothingIsMissingWhenBrokersFail has brokers fail in all the ways that a producer has
// to get over by itself. Kafka may have records twice then, but never without their key.
func TestNothingIsMissingWhenBrokersFail(t *testing.T) {
	for name, code := range map[string]*kerr.Error{
		"NotLeader":          kerr.NotLeaderForPartition,
		"timeouts":           kerr.RequestTimedOut,
		"too few replicas":   kerr.NotEnoughReplicas,
		"OutOfOrderSequence": kerr.OutOfOrderSequenceNumber,
		"lost producer ids":  kerr.UnknownProducerID,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it waits more than it works
			c := startCluster(t, kfake.SeedTopics(1, "logs"))
			sink := openSink(t, urlOf(c, "logs"), nil)
			var calls atomic.Int64
			c.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
				c.KeepControl()
				if calls.Add(1)%3 != 0 {
					return nil, nil, false
				}
				return failed(request, code), nil, true
			})
			const messages, records = 10, 100
			missing := map[string]bool{}
			for i := range messages {
				var list []string
				for j := range records {
					list = append(list, withID(i*records+j))
					missing[withID(i*records+j)] = true
				}
				for len(list) > 0 {
					m, l := messageOf(list...)
					err := sink.Consume(t.Context(), m)
					require.NoError(t, sink.Commit(t.Context()))
					refusals := l.all()
					if refusal, ok := err.(*receiver.Refusal); ok { //nolint:errorlint // it is what Consume returns
						refusals = append(refusals, refusal)
					} else {
						require.NoError(t, err)
					}
					var again []string
					for _, refusal := range refusals {
						require.True(t, refusal.Retry, refusal.Error())
						for _, at := range refusal.Records {
							again = append(again, list[at])
						}
					}
					list = again
				}
			}
			require.Greater(t, calls.Load(), int64(messages))
			for _, r := range stored(t, c, "logs", messages*records) {
				require.Len(t, r.Key, 32)
				delete(missing, string(r.Value))
			}
			require.Empty(t, missing)
		})
	}
}

// failed is the answer to a request to produce with an error for each partition.
func failed(request kmsg.Request, code *kerr.Error) kmsg.Response {
	produce, _ := request.(*kmsg.ProduceRequest)
	answer, _ := produce.ResponseKind().(*kmsg.ProduceResponse)
	for _, topic := range produce.Topics {
		one := kmsg.NewProduceResponseTopic()
		one.Topic, one.TopicID = topic.Topic, topic.TopicID
		for _, partition := range topic.Partitions {
			result := kmsg.NewProduceResponseTopicPartition()
			result.Partition, result.ErrorCode = partition.Partition, code.Code
			one.Partitions = append(one.Partitions, result)
		}
		answer.Topics = append(answer.Topics, one)
	}
	return answer
}

func TestATooLongRecordIsRefusedForGoodAndNoOther(t *testing.T) {
	c := startCluster(t, kfake.SeedTopics(1, "logs"))
	sink := openSink(t, urlOf(c, "logs"), nil)
	c.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		for _, topic := range request.(*kmsg.ProduceRequest).Topics { //nolint:errcheck // ControlKey passes nothing else
			for _, partition := range topic.Partitions {
				if len(partition.Records) > 20_000 {
					return failed(request, kerr.MessageTooLarge), nil, true
				}
			}
		}
		return nil, nil, false
	})
	sink.limits["logs"] = 20_000
	var random strings.Builder // it must not get shorter when it is compressed
	for i := range 20_000 {
		fmt.Fprintf(&random, "%x", i*i*2654435761)
	}
	m, l := messageOf(`"short"`, `"`+random.String()+`"`, `"short"`)
	err := sink.Consume(t.Context(), m)
	require.NoError(t, sink.Commit(t.Context()))
	refused := l.all()
	if refusal, ok := err.(*receiver.Refusal); ok { //nolint:errorlint // it is what Consume returns
		refused = append(refused, refusal)
	}
	require.Len(t, refused, 1)
	require.Equal(t, []int{1}, refused[0].Records)
	require.False(t, refused[0].Retry)
	require.Len(t, stored(t, c, "logs", 2), 2)
	require.Nil(t, sink.Failed())
}

func TestBrokersThatAreAwayConfirmNothingAndComeBack(t *testing.T) {
	disk := kfake.DataDir(t.TempDir())
	c := startCluster(t, kfake.SeedTopics(1, "logs"), disk)
	var ports []int
	for _, address := range c.ListenAddrs() {
		_, port, err := net.SplitHostPort(address)
		require.NoError(t, err)
		number, err := strconv.Atoi(port)
		require.NoError(t, err)
		ports = append(ports, number)
	}
	told := make(chan *receiver.Refusal, 100)
	sink := openSink(t, urlOf(c, "logs"), func(o *Options) {
		o.deliveryTimeout, o.Changed = time.Second, func(r *receiver.Refusal) { told <- r }
	})
	m, l := messageOf(withID(1))
	require.NoError(t, sink.Consume(t.Context(), m))
	require.NoError(t, sink.Commit(t.Context()))
	require.Empty(t, l.all())
	for len(told) > 0 {
		<-told //nolint:errcheck // checked by the test before
	}
	c.Close()
	m, l = messageOf(withID(2), withID(3))
	require.NoError(t, sink.Consume(t.Context(), m))
	require.NoError(t, sink.Commit(t.Context()))
	refused := l.all()
	require.Len(t, refused, 1)
	require.True(t, refused[0].Retry)
	require.NotZero(t, refused[0].Pause)
	require.Equal(t, []int{0, 1}, refused[0].Records)
	require.NotNil(t, <-told)
	require.NotNil(t, sink.Failed())

	c = startCluster(t, disk, kfake.Ports(ports...))
	require.Eventually(t, func() bool {
		m, l := messageOf(withID(2), withID(3))
		return sink.Consume(t.Context(), m) == nil && sink.Commit(t.Context()) == nil && len(l.all()) == 0
	}, 30*time.Second, time.Millisecond)
	require.Nil(t, sink.Failed())
	for refusal := range told {
		if refusal == nil {
			break
		}
	}
	values := map[string]bool{}
	for _, r := range stored(t, c, "logs", 3) {
		values[string(r.Value)] = true
	}
	require.Equal(t, map[string]bool{withID(1): true, withID(2): true, withID(3): true}, values)
}

// TestABrokerThatIsAwayAloneIsNoFailure has two others, which lead the topic.
func TestABrokerThatIsAwayAloneIsNoFailure(t *testing.T) {
	c := startCluster(t, kfake.SeedTopics(1, "logs"))
	told := make(chan *receiver.Refusal, 100)
	sink := openSink(t, urlOf(c, "logs"), func(o *Options) { o.Changed = func(r *receiver.Refusal) { told <- r } })
	for len(told) > 0 {
		<-told //nolint:errcheck // of the start
	}
	h := hooks{sink}
	m, l := messageOf(withID(1))
	require.NoError(t, sink.Consume(t.Context(), m))
	require.NoError(t, sink.Commit(t.Context()))
	require.Empty(t, l.all())
	h.OnBrokerConnect(kgo.BrokerMetadata{}, 0, nil, io.EOF)
	require.Nil(t, sink.Failed())
	require.Empty(t, told)
}

// TestBrokersThatHangConfirmNothing has one that reads and does not answer, until it is well
// again.
func TestBrokersThatHangConfirmNothing(t *testing.T) {
	t.Parallel() // it waits more than it works
	c := startCluster(t, kfake.SeedTopics(1, "logs"))
	sink := openSink(t, urlOf(c, "logs"), func(o *Options) { o.deliveryTimeout, o.WindowBytes = time.Second, 4000 })
	var hangs atomic.Bool
	hangs.Store(true)
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		return nil, nil, hangs.Load()
	})
	var list []string
	for i := range 20 { // more than the window
		list = append(list, withID(i))
	}
	m, l := messageOf(list...)
	begun := time.Now()
	limited, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	err := sink.Consume(limited, m)
	require.NoError(t, sink.Commit(t.Context()))
	refusals := l.all()
	if refusal, ok := errors.AsType[*receiver.Refusal](err); ok {
		refusals = append(refusals, refusal)
	} else {
		require.NoError(t, err)
	}
	count := 0
	for _, refusal := range refusals {
		require.True(t, refusal.Retry)
		count += len(refusal.Records)
	}
	require.Equal(t, len(list), count)
	t.Logf("refused after %v", time.Since(begun))
	require.NotNil(t, sink.Failed())

	hangs.Store(false)
	require.Eventually(t, func() bool {
		m, l := messageOf(withID(1))
		return sink.Consume(t.Context(), m) == nil && sink.Commit(t.Context()) == nil && len(l.all()) == 0
	}, 30*time.Second, time.Millisecond)
	require.Nil(t, sink.Failed())
}

// TestGarbageInPlaceOfAnswersConfirmsNothing has a length of 1.2 GB in it: "HTTP".
func TestGarbageInPlaceOfAnswersConfirmsNothing(t *testing.T) {
	for name, garbage := range map[string]string{"a web server": "HTTP/1.1 400 Bad Request\r\n\r\n", "almost 100 MB": "\x05\xf0\x00\x00", "silence": ""} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is closed at the end
			require.NoError(t, err)
			done := make(chan struct{})
			go func() {
				defer close(done)
				var open []net.Conn
				for {
					conn, err := listener.Accept()
					if err != nil {
						break
					}
					open = append(open, conn)
					_, _ = conn.Write([]byte(garbage))
				}
				for _, conn := range open {
					_ = conn.Close()
				}
			}()
			o, err := Parse("kafka://" + listener.Addr().String() + "/logs")
			require.NoError(t, err)
			o.startTimeout = time.Second
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err = New(t.Context(), o)
			require.ErrorContains(t, err, "connect to Kafka")
			runtime.ReadMemStats(&after)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20))
			require.NoError(t, listener.Close())
			<-done
		})
	}
}

func TestSASL(t *testing.T) {
	for _, mechanism := range []string{"plain", "scram-sha-256", "scram-sha-512"} {
		t.Run(mechanism, func(t *testing.T) {
			c := startCluster(t, kfake.EnableSASL(), kfake.Superuser(strings.ToUpper(mechanism), "user", "the secret"), kfake.SeedTopics(1, "logs"))
			file := filepath.Join(t.TempDir(), "credentials")
			require.NoError(t, os.WriteFile(file, []byte("user:the secret\n"), 0o600))
			url := urlOf(c, "logs?sasl="+mechanism)
			sink := openSink(t, url, func(o *Options) { o.CredentialsFile = file })
			m, l := messageOf(withID(1))
			require.NoError(t, sink.Consume(t.Context(), m))
			require.NoError(t, sink.Commit(t.Context()))
			require.Empty(t, l.all())

			require.NoError(t, os.WriteFile(file, []byte("user:another secret\n"), 0o600))
			o, err := Parse(url)
			require.NoError(t, err)
			o.CredentialsFile = file
			_, err = New(t.Context(), o)
			require.Error(t, err)
			require.NotContains(t, err.Error(), "another")
		})
	}
}
