// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"fmt"
	"strings"
	"time"

	"filebeat-websocket/cmd/wscheck/internal/wire"
)

const (
	slowMessages   = 1000
	slowTime       = time.Second
	slowReadBuffer = 4 << 10
)

// sendsWithoutReading makes a client that sends and does not read. Its messages are on the
// way when it returns; the channel is closed behind the last one.
func (r *run) sendsWithoutReading() (s *session, _ <-chan struct{}, problem string) {
	s, problem = r.open(dialing{readBuffer: slowReadBuffer})
	if problem != "" {
		return nil, nil, problem
	}
	s.conn.StopReading()
	records := r.recordsOf(slowMessages)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for len(records) > 0 && s.problem == "" { // the receiver may stop reading, too
			s.sendAll(records[:500])
			records = records[500:]
		}
	}()
	return s, sent, ""
}

func checkSlowReader(r *run) Verdict {
	sent := fmt.Sprintf("%d messages, nothing read for %v", slowMessages, slowTime)
	s, written, problem := r.sendsWithoutReading()
	if problem != "" {
		return judge(sent, "nothing", problem)
	}
	defer s.close()
	r.pause(slowTime)
	s.conn.Resume()
	<-written
	problem = s.await(slowMessages)
	return judge(sent, s.came(), problem)
}

func checkOthersServed(r *run) Verdict {
	sent := fmt.Sprintf("%d messages on a connection that is not read, and one message on another", slowMessages)
	slow, written, problem := r.sendsWithoutReading()
	if problem != "" {
		return judge(sent, "nothing", problem)
	}
	defer slow.close()
	defer func() { <-written }()
	defer slow.conn.Resume()
	select {
	case <-written:
	case <-time.After(slowTime): // the receiver may have stopped reading
	}
	r.pause(2 * settleTime)
	verdict := r.with(sent, func(s *session) string {
		s.send(r.record(""))
		s.flush()
		return s.await(1)
	})
	return verdict
}

func checkOthersLive(r *run) Verdict {
	const sent = "half a message on a connection that is then cut, and messages on another, before and after"
	other, problem := r.open(dialing{})
	if problem != "" {
		return judge(sent, "nothing", problem)
	}
	return r.with(sent, func(s *session) string {
		s.send(r.record(""))
		s.flush()
		problem := s.await(1)
		half := other.dataFrame(other.data(r.record(""))).Append(nil)
		other.raw(half[:len(half)/2])
		other.cut()
		if problem != "" {
			return problem
		}
		s.settle(settleTime)
		s.send(r.record(""))
		s.flush()
		return s.await(2)
	})
}

func checkReconnect(r *run) Verdict {
	const sent = "three messages, and a cut; the last two records again, on a new connection"
	s, problem := r.open(dialing{})
	if problem != "" {
		return judge(sent, "nothing", problem)
	}
	records := r.recordsOf(2)
	s.send(r.record(""))
	s.flush()
	problem = s.await(1)
	s.sendAll(records)
	s.cut()
	if problem != "" {
		return judge(sent, s.came(), problem)
	}
	r.pause(settleTime) // as Filebeat waits before it connects again
	return r.with(sent, func(s *session) string {
		s.sendAll(records)
		return s.exact(2)
	})
}

// resend sends a record, and once it is confirmed again, on this and another connection.
func (r *run) resend() (one record, verdict Verdict) {
	one = r.record("")
	verdict = r.with("a record; the same again, once it is confirmed; the same on a new connection", func(s *session) string {
		for i := range 2 {
			s.send(one)
			s.flush()
			if problem := s.await(i + 1); problem != "" {
				return problem
			}
		}
		return ""
	})
	if verdict.State == Fails {
		return one, verdict
	}
	again := r.with(verdict.Sent, func(s *session) string {
		s.send(one)
		s.flush()
		return s.await(1)
	})
	again.Came = verdict.Came + "; on the new connection " + again.Came
	return one, again
}

func checkResent(r *run) Verdict {
	_, verdict := r.resend()
	return verdict
}

func checkOnce(r *run) Verdict {
	one, verdict := r.resend()
	switch {
	case one.id == "":
		return notTried("records of the format " + r.format.Name + " have no room for an id")
	case verdict.State == Fails:
		return notTried("R2 does not hold: " + verdict.Why)
	}
	times, problem := r.storedWithin([]record{one})
	if problem != "" {
		return notTried(problem)
	}
	count := times[one.marker]
	if count != 1 {
		problem = "a receiver that remembers the ids in @metadata._id keeps each line once"
	}
	return judge(verdict.Sent, fmt.Sprintf("%s; stored %d times", verdict.Came, count), problem)
}

func checkHalf(r *run) Verdict {
	const sent = "half a message, and a cut"
	s, problem := r.open(dialing{})
	if problem != "" {
		return judge(sent, "nothing", problem)
	}
	one := r.record(strings.Repeat("x", 500)) // the marker is in the first half
	payload := s.data(one)
	raw := wire.Frame{Opcode: s.opcode(), Payload: payload[:len(payload)/2], More: true}.Append(nil)
	s.raw(wire.Frame{Payload: payload[len(payload)/2:]}.Append(raw)[:len(raw)+100])
	s.settle(settleTime)
	s.cut()
	r.pause(settleTime)
	times, problem := r.stored()
	if problem != "" {
		return notTried(problem)
	}
	if times[one.marker] > 0 {
		problem = "what came of the message is stored"
	}
	return judge(sent, "nothing of it stored", problem)
}
