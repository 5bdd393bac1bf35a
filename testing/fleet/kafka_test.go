// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	partitions  = 3
	faultTime   = 200 * time.Millisecond // between two
	silenceTime = 5 * time.Second        // between two
)

// kfake is a fake of three brokers in this process, no real ones: what it does to batches
// and sequence numbers is what its authors know of Kafka. Kafka may have a line twice after
// a receiver was killed, so only missing ones fail this test.
func TestEveryLineIsInTheTopicAtLeastOnceWhateverFails(t *testing.T) {
	t.Parallel()
	require.NoError(t, install())
	c, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(partitions, subject))
	require.NoError(t, err)
	t.Cleanup(c.Close)

	s := openStage(t, "kafka://"+strings.Join(c.ListenAddrs(), ",")+"/"+subject)
	faults := []*kerr.Error{
		kerr.NotLeaderForPartition, kerr.RequestTimedOut, kerr.OutOfOrderSequenceNumber,
		kerr.NotEnoughReplicas, kerr.NotEnoughReplicasAfterAppend,
	}
	hits := map[string]int{}
	moves, silences := 0, 0
	s.run(*length, func(ctx context.Context) error {
		last := time.Now()
		for i := 0; ; i++ {
			fault := faults[i%len(faults)]
			handle := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: fault, Count: 2})
			select {
			case <-time.After(faultTime):
			case <-ctx.Done():
				handle.Remove()
				return nil
			}
			handle.Remove()
			hits[fault.Message] += handle.Hits()
			if rand.IntN(5) == 0 {
				if err := c.MoveTopicPartition(subject, rand.Int32N(partitions), rand.Int32N(3)); err != nil {
					return err
				}
				moves++
			}
			if time.Since(last) > silenceTime {
				last = time.Now()
				// One request is not answered, and for another one the connection is cut.
				for _, cut := range []error{nil, io.EOF} {
					c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) { return nil, cut, true })
				}
				silences++
			}
		}
	})
	t.Logf("failures of requests to produce: %v; %d new leaders; %d requests without an answer", hits, moves, silences)
	for _, fault := range faults {
		require.Positive(t, hits[fault.Message], fault.Message)
	}
	s.accountAtLeastOnce(numbersOfTopic(t, c))
}

// numbersOfTopic returns how often each number is in the topic.
func numbersOfTopic(t *testing.T, c *kfake.Cluster) map[int]int {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.ConsumeTopics(subject), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	require.NoError(t, err)
	defer client.Close()
	left := int64(0)
	for _, partition := range c.PartitionInfos(subject) {
		left += partition.HighWatermark
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	numbers := map[int]int{}
	for left > 0 {
		fetched := client.PollFetches(ctx)
		require.NoError(t, ctx.Err())
		for _, record := range fetched.Records() {
			require.Len(t, record.Key, 32)
			numbers[numberOf(t, record.Value)]++
			left--
		}
	}
	return numbers
}
