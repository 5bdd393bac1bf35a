// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package jetstream

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/receiver"
)

// fakeEngine speaks just enough of NATS to be taken for a server with a stream, and answers
// to what is published with what a test says.
type fakeEngine struct {
	listener net.Listener
	answer   func(number int) []string // to the record, from 1 on
	conns    sync.WaitGroup

	mutex     sync.Mutex
	published int
	open      []net.Conn
}

func startFake(t *testing.T, answer func(number int) []string) *fakeEngine {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is closed at the end
	require.NoError(t, err)
	f := &fakeEngine{listener: listener, answer: answer}
	f.conns.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			f.mutex.Lock()
			f.open = append(f.open, conn)
			f.mutex.Unlock()
			f.conns.Go(func() { f.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		f.mutex.Lock()
		for _, conn := range f.open {
			_ = conn.Close()
		}
		f.mutex.Unlock()
		f.conns.Wait()
	})
	return f
}

func (f *fakeEngine) options(t *testing.T) Options {
	t.Helper()
	o, err := Parse("nats://" + f.listener.Addr().String() + "/logs")
	require.NoError(t, err)
	o.startTimeout, o.ackTimeout = 2*time.Second, time.Second
	return o
}

func (f *fakeEngine) serve(conn net.Conn) {
	_, _ = fmt.Fprint(conn, `INFO {"server_id":"X","version":"2.11.0","headers":true,"max_payload":1048576,"proto":1}`+"\r\n")
	in := bufio.NewReader(conn)
	ids := map[string]string{} // of subscriptions, by the prefix of their subjects
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		words := strings.Fields(line)
		switch words[0] {
		case "PING":
			_, _ = fmt.Fprint(conn, "PONG\r\n")
		case "SUB":
			ids[strings.TrimSuffix(words[1], "*")] = words[len(words)-1]
		case "PUB", "HPUB":
			length, _ := strconv.Atoi(words[len(words)-1])
			if _, err := io.CopyN(io.Discard, in, int64(length)+2); err != nil {
				return
			}
			reply := words[2]
			for _, text := range f.answers(words[1]) {
				for prefix, id := range ids {
					if strings.HasPrefix(reply, prefix) {
						_, _ = fmt.Fprintf(conn, "MSG %s %s %d\r\n%s\r\n", reply, id, len(text), text)
					}
				}
			}
		}
	}
}

func (f *fakeEngine) answers(subject string) []string {
	switch subject {
	case "$JS.API.STREAM.NAMES":
		return []string{`{"total":1,"streams":["logs"]}`}
	case "$JS.API.STREAM.INFO.logs":
		return []string{`{"config":{"name":"logs","subjects":["logs"]}}`}
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.published++
	return f.answer(f.published)
}

const goodAck = `{"stream":"logs","seq":1}`

// lateRefusals collects what is refused after Consume.
type lateRefusals struct {
	mutex sync.Mutex
	all   []*receiver.Refusal
}

func (l *lateRefusals) RefuseLate(_ uint64, refusal *receiver.Refusal) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.all = append(l.all, refusal)
}

// TestOnlyAnAcknowledgementConfirmsARecord has three records in a message, and the engine
// answers well to the first and the third.
func TestOnlyAnAcknowledgementConfirmsARecord(t *testing.T) {
	for name, test := range map[string]struct {
		answers []string
		reason  string
		retry   bool
	}{
		"good":                           {[]string{goodAck}, "", false},
		"good, of an old server":         {[]string{`{"stream":"logs", "seq":1}`}, "", false},
		"a duplicate":                    {[]string{`{"stream":"logs","seq":7,"duplicate":true}`}, "", false},
		"twice":                          {[]string{goodAck, goodAck}, "", false},
		"good, then an error":            {[]string{goodAck, `{"error":{"code":503,"err_code":1}}`}, "", false},
		"garbage":                        {[]string{"\x00garbage"}, "not an acknowledgement", true},
		"nothing":                        {[]string{""}, "not an acknowledgement", true},
		"no JSON object":                 {[]string{"[]"}, "not an acknowledgement", true},
		"no sequence":                    {[]string{`{"stream":"logs"}`}, "not an acknowledgement", true},
		"no number":                      {[]string{`{"stream":"logs", "seq":}`}, "not an acknowledgement", true},
		"of another stream":              {[]string{`{"stream":"other", "seq":1}`}, "another stream", true},
		"of a stream with a longer name": {[]string{`{"stream":"logs2", "seq":1}`}, "another stream", true},
		"an error":                       {[]string{`{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"}}`}, "does not take records", true},
		"too long":                       {[]string{`{"error":{"code":400,"err_code":10054,"description":"message size exceeds maximum allowed"}}`}, "longer than the engine takes", false},
		"none":                           {nil, "does not answer", true},
		"a long error":                   {[]string{`{"error":{"code":503,"err_code":1,"description":"` + strings.Repeat("x", 100_000) + `"}}`}, "does not take records", true},
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t, func(number int) []string {
				if number%3 == 2 {
					return test.answers
				}
				return []string{goodAck}
			})
			sink := openSink(t, f.options(t))
			var late lateRefusals
			m := messageOf(withID(1), withID(2), withID(3))
			m.Number, m.Late = 1, &late
			err := sink.Consume(t.Context(), m)
			require.NoError(t, sink.Commit(t.Context()))
			refused := late.all
			if early, ok := err.(*receiver.Refusal); ok { //nolint:errorlint // it is what Consume returns
				refused = append(refused, early)
			}
			if test.reason == "" {
				require.Empty(t, refused)
				require.Nil(t, sink.Failed())
				return
			}
			require.Len(t, refused, 1)
			require.Equal(t, []int{1}, refused[0].Records)
			require.Contains(t, refused[0].Reason, test.reason)
			require.Equal(t, test.retry, refused[0].Retry)
			require.Equal(t, test.retry, refused[0].Pause > 0)
			require.Less(t, len(refused[0].Error()), 1000)
			require.Empty(t, sink.flights)
		})
	}
}

// TestAnEngineThatHangsTakesNoMemory has a window of few records.
func TestAnEngineThatHangsTakesNoMemory(t *testing.T) {
	f := startFake(t, func(int) []string { return nil })
	o := f.options(t)
	o.WindowBytes = 4000
	sink := openSink(t, o)
	var late lateRefusals
	var records []string
	for i := range 50 {
		records = append(records, withID(i))
	}
	m := messageOf(records...)
	m.Late = &late
	err := sink.Consume(t.Context(), m)
	require.NoError(t, sink.Commit(t.Context()))
	count := 0
	if early, ok := err.(*receiver.Refusal); ok { //nolint:errorlint // it is what Consume returns
		count = len(early.Records)
	}
	for _, refusal := range late.all {
		count += len(refusal.Records)
	}
	require.Equal(t, 50, count)
	require.NotNil(t, sink.Failed())
	require.Empty(t, sink.flights)
}

// TestASlowEngineIsWaitedFor has the last record answered long after its time.
func TestASlowEngineIsWaitedFor(t *testing.T) {
	f := startFake(t, func(int) []string {
		time.Sleep(300 * time.Millisecond)
		return []string{goodAck}
	})
	sink := openSink(t, f.options(t))
	var late lateRefusals
	m := messageOf(withID(1), withID(2), withID(3), withID(4), withID(5), withID(6))
	m.Late = &late
	require.NoError(t, sink.Consume(t.Context(), m))
	require.NoError(t, sink.Commit(t.Context()))
	require.Empty(t, late.all)
}

func TestAServerThatIsNotNATSEndsTheStart(t *testing.T) {
	for name, banner := range map[string]string{"garbage": "HTTP/1.1 400 Bad Request\r\n\r\n", "silence": ""} {
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
						for _, conn := range open {
							_ = conn.Close()
						}
						return
					}
					open = append(open, conn)
					_, _ = fmt.Fprint(conn, banner)
				}
			}()
			o, err := Parse("nats://" + listener.Addr().String() + "/logs")
			require.NoError(t, err)
			o.startTimeout = time.Second
			_, err = New(t.Context(), o)
			require.ErrorContains(t, err, "connect to NATS")
			require.NoError(t, listener.Close())
			<-done
		})
	}
}
