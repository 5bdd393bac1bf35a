// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package soak ships lines for a long time under random faults, and checks that no
// line is lost and that the memory of filebeat does not grow. With random kills of filebeat
// and wsreceiver it checks that each line is stored once.
package soak

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"filebeat-websocket/protocol"
	"filebeat-websocket/testing/beattest"
	"filebeat-websocket/testing/wstest"
)

var (
	duration = flag.Duration("soak.for", 10*time.Second, "how long lines flow")
	seed     = flag.Uint64("soak.seed", 0, "seed of the faults, 0 for one of the clock")
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	goleak.VerifyTestMain(m)
}

const (
	linesPerSecond = 1_000
	step           = 100 * time.Millisecond
	rotateEvery    = 100_000 // lines, after which the file is renamed as logrotate does it
	sampleEvery    = 2 * time.Second
	patience       = 2 * time.Minute
)

func TestSoak(t *testing.T) {
	t.Logf("run again with: go tool mage soak -length=%v -seed=%d", *duration, *seed)
	for i, ack := range []string{"ping", "message"} {
		t.Run(ack, func(t *testing.T) {
			t.Parallel()
			soak(t, ack, rand.New(rand.NewPCG(*seed, uint64(i))))
		})
	}
}

func soak(t *testing.T, ack string, random *rand.Rand) {
	monkey := &chaos{random: random}
	server := wstest.Start(t,
		wstest.WithSubprotocols(protocol.Subprotocol),
		wstest.WithScript(monkey.fault),
		wstest.AllowViolations()) // a client that is cut off leaves half a frame
	setup := beattest.Setup{
		Dir:   t.TempDir(),
		Extra: "queue.mem.flush.timeout: 100ms",
		Input: "    backoff: {init: 100ms, max: 100ms}\n",
		Output: fmt.Sprintf(`
output.websocket:
  hosts: [%q]
  ack: %s
  timeout: 1s
  ping_interval: 300ms
  connect_timeout: 1s
  backoff: {init: 50ms, max: 500ms}
  ttl: 10s
`, server.URL(), ack),
	}
	beattest.AppendLines(t, setup.LogFile("a.log"), 1, 1)
	filebeat := beattest.StartFilebeat(t, setup)

	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		monkey.resetNowAndThen(server, stop)
	}()
	begun := time.Now()
	lines, samples := 1, []sample(nil)
	tick := time.NewTicker(step)
	defer tick.Stop()
	for elapsed := time.Duration(0); elapsed < *duration; elapsed = time.Since(begun) {
		<-tick.C
		require.True(t, filebeat.Running(), "filebeat has ended")
		due := 1 + int(elapsed.Seconds()*linesPerSecond)
		lines = writeDue(t, setup, lines, due)
		if len(samples) < int(elapsed/sampleEvery) {
			samples = append(samples, takeSample(t, filebeat))
		}
	}
	close(stop)
	<-stopped
	monkey.end()
	beattest.Eventually(t, patience, "every line arrives", func() bool { return server.Counts().Unique >= lines })
	require.Empty(t, server.Missing(1, lines))

	counts := server.Counts()
	t.Logf("| %s | %v | %d | %d | %d | %d | %d | %s |", ack, *duration, lines, counts.Unique, counts.Duplicate,
		len(server.Missing(1, lines)), counts.Connections, trend(samples))
	noGrowth(t, samples)
	require.Zero(t, filebeat.Stop())
}

// writeDue writes the lines up to due, if there are lines already, and rotates the file.
func writeDue(t *testing.T, setup beattest.Setup, lines, due int) int {
	for lines < due {
		last := min(due, lines-lines%rotateEvery+rotateEvery)
		require.NoError(t, appendLines(setup.LogFile("a.log"), lines+1, last))
		if lines = last; lines%rotateEvery == 0 {
			require.NoError(t, os.Rename(setup.LogFile("a.log"), setup.LogFile(fmt.Sprintf("a-%d.log", lines))))
		}
	}
	return lines
}

func appendLines(path string, first, last int) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(beattest.WriteLines(file, first, last), file.Close())
}

// chaos chooses faults at random.
type chaos struct {
	mutex  sync.Mutex
	random *rand.Rand
	over   bool
}

func (c *chaos) end() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.over = true
}

// fault says how the next connection misbehaves.
func (c *chaos) fault(int) wstest.Fault {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.over {
		return wstest.Fault{}
	}
	at := 1 + c.random.IntN(5_000) // message at which it strikes
	delay := time.Duration(c.random.IntN(100)) * time.Millisecond
	faults := []wstest.Fault{
		{},
		{Delay: delay, AckDelay: delay},
		{DropAtMessage: at},
		{HalfFrameAtMessage: at},
		{CloseAtMessage: at, CloseCode: []int{1000, 1001, 1008, 1011, 1012, 1013, 1014, 999, 4000}[c.random.IntN(9)]},
		{StopReadingAtMessage: at},
		{SlowRead: 256<<10 + c.random.IntN(4<<20)},
		{EmptyPongs: true},
		{PongOnlyNewest: true},
		{NackAtMessage: at, NackRetry: true},
		{Delay: time.Hour, MuteAcks: true},
		{AckFuture: true},
		{MalformedAcks: []string{"hello"}},
		{Pause: "200ms"},
		{SendGarbage: []byte("\xff\xff\xff")},
		{SendHuge: 2 << 20},
		{TinyMessages: 1000, PingFlood: 1000},
		{RefuseStatus: http.StatusServiceUnavailable, RefuseHeader: http.Header{"Retry-After": {"1"}}},
		{RefuseStatus: http.StatusUnauthorized},
		{NotHTTP: []byte("garbage\r\n")},
		{WrongAccept: true},
		{HangUpgrade: true},
	}
	return faults[c.random.IntN(len(faults))]
}

// resetNowAndThen cuts all connections at random times.
func (c *chaos) resetNowAndThen(server *wstest.Server, stop <-chan struct{}) {
	for {
		c.mutex.Lock()
		wait := time.Second/2 + time.Duration(c.random.IntN(int(4*time.Second)))
		c.mutex.Unlock()
		select {
		case <-time.After(wait):
			server.Reset()
		case <-stop:
			return
		}
	}
}

// sample is what filebeat uses at one time.
type sample struct {
	goroutines, handles, rss int
}

func takeSample(t *testing.T, filebeat *beattest.Filebeat) sample {
	t.Helper()
	rss, err := filebeat.RSS()
	require.NoError(t, err)
	return sample{
		goroutines: filebeat.Stat("beat.runtime.goroutines"),
		handles:    filebeat.Stat("beat.handles.open"),
		rss:        int(rss >> 20),
	}
}

// middle returns the medians of the samples.
func middle(samples []sample) sample {
	median := func(value func(sample) int) int {
		sorted := slices.SortedFunc(slices.Values(samples), func(a, b sample) int { return cmp.Compare(value(a), value(b)) })
		return value(sorted[len(sorted)/2])
	}
	return sample{
		goroutines: median(func(s sample) int { return s.goroutines }),
		handles:    median(func(s sample) int { return s.handles }),
		rss:        median(func(s sample) int { return s.rss }),
	}
}

// The first part of the samples is the warm-up; the part after it is compared
// with the last.
const parts = 5

// How much more the last part may use than the second one. A rotated file stays open
// until close.reader.on_eof or close.on_state_change closes it; the margins allow for
// that.
const (
	moreGoroutines = 30
	moreHandles    = 20
	moreMiB        = 30
)

func early(samples []sample) sample {
	return middle(samples[len(samples)/parts : 2*len(samples)/parts+1])
}

func late(samples []sample) sample {
	return middle(samples[len(samples)-len(samples)/parts-1:])
}

func trend(samples []sample) string {
	before, after := early(samples), late(samples)
	return fmt.Sprintf("%d -> %d | %d -> %d | %d -> %d",
		before.goroutines, after.goroutines, before.handles, after.handles, before.rss, after.rss)
}

func noGrowth(t *testing.T, samples []sample) {
	t.Helper()
	require.NotEmpty(t, samples)
	before, after := early(samples), late(samples)
	require.LessOrEqual(t, after.goroutines, before.goroutines+moreGoroutines, "goroutines")
	require.LessOrEqual(t, after.handles, before.handles+moreHandles, "file descriptors")
	require.LessOrEqual(t, after.rss, before.rss+moreMiB, "MiB of resident memory")
}
