// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"filebeat-websocket/cmd/wscheck/internal/wire"
	"filebeat-websocket/protocol"
)

// promptTime is how long an ack may take that waits for nothing but the disk.
const promptTime = time.Second

func checkCumulative(r *run) Verdict {
	const rounds, count = 5, 20
	return r.with(fmt.Sprintf("%d times %d messages, each time once the last ones are confirmed", rounds, count), func(s *session) string {
		for round := range rounds {
			s.sendAll(r.recordsOf(count))
			if problem := s.await((round + 1) * count); problem != "" {
				return problem
			}
		}
		return s.exact(rounds * count)
	})
}

func checkNeverAhead(r *run) Verdict {
	return r.with("three messages one after the other, and half a message", func(s *session) string {
		for i := range 3 {
			s.send(r.record(""))
			if problem := s.await(i + 1); problem != "" {
				return problem
			}
			s.settle(settleTime / 3)
		}
		payload := s.data(r.record(""))
		s.raw(wire.Frame{Opcode: s.opcode(), Payload: payload[:len(payload)/2], More: true}.Append(nil))
		s.answered() // then the receiver has the half
		s.settle(settleTime)
		if s.ahead != "" {
			return s.ahead + ", and half of the next"
		}
		return ""
	})
}

func checkPrompt(r *run) Verdict {
	const tries = 3 // a machine can be busy once
	return r.with(fmt.Sprintf("one message, and nothing behind it before its ack, %d times", tries), func(s *session) string {
		took := time.Hour
		for i := range tries {
			begin := time.Now()
			s.send(r.record(""))
			if problem := s.await(i + 1); problem != "" {
				return problem
			}
			took = min(took, time.Since(begin))
		}
		if took > promptTime {
			return fmt.Sprintf("each ack took %v or more: does it wait for a timer, or for further messages? An ack that waits at a stop is lost", took.Round(time.Millisecond))
		}
		return ""
	})
}

func checkCoalesced(r *run) Verdict {
	const count = 500
	return r.with(fmt.Sprintf("%d messages in one write", count), func(s *session) string {
		s.sendAll(r.recordsOf(count))
		if problem := s.await(count); problem != "" {
			return problem
		}
		if len(s.replies) >= count {
			return fmt.Sprintf("%d acks: store what has arrived together, and send one ack for it", len(s.replies))
		}
		return ""
	})
}

func checkStored(r *run) Verdict {
	const count = 20
	var sent []record
	verdict := r.with(fmt.Sprintf("%d messages at once and one alone; --store-command at the first confirmation, and at the last", count), func(s *session) string {
		look := func() string {
			confirmed := sent[:min(s.confirmed, len(sent))] // what is confirmed now has to be stored now
			times, problem := r.stored()
			if problem != "" {
				return problem
			}
			if lost := missing(times, confirmed); lost != nil {
				number := slices.IndexFunc(sent, func(one record) bool { return one.marker == lost.marker }) + 1
				problem = fmt.Sprintf("message %d was confirmed, but its record, with the text %s, was not in what --store-command printed", number, lost.marker)
				if len(times) == 0 {
					problem += ", nor any other: does the command print the texts of the records?"
				}
			}
			return problem
		}
		sent = r.recordsOf(count)
		s.sendAll(sent)
		if problem := s.await(1); problem != "" {
			return problem
		}
		if problem := look(); problem != "" {
			return problem
		}
		if problem := s.await(count); problem != "" {
			return problem
		}
		if problem := look(); problem != "" {
			return problem
		}
		sent = append(sent, r.record(""))
		s.sendAll(sent[count:])
		if problem := s.await(count + 1); problem != "" {
			return problem
		}
		return look()
	})
	if strings.HasPrefix(verdict.Why, "--store-command") {
		return notTried(verdict.Why)
	}
	return verdict
}

func checkWrittenStored(r *run) Verdict {
	const count = 20
	sent := r.recordsOf(count)
	verdict := r.with(fmt.Sprintf("%d messages and close 1000", count), func(s *session) string {
		s.sendAll(sent)
		if err := s.conn.SendClose(protocol.CloseNormal); err != nil {
			return err.Error()
		}
		s.awaitEnd(r.Timeout)
		return ""
	})
	if verdict.State == Fails {
		return verdict
	}
	times, problem := r.storedWithin(sent)
	if problem != "" {
		return notTried(problem)
	}
	if lost := missing(times, sent); lost != nil {
		problem = fmt.Sprintf("the record with the text %s is not in what --store-command printed", lost.marker)
	}
	return judge(verdict.Sent, verdict.Came, problem)
}

const (
	kills = 2
	// killAfter is how many messages are confirmed before a kill, and killWindow how many
	// more there are at most.
	killAfter  = 200
	killWindow = 200
)

func checkKilled(r *run) Verdict {
	sent := fmt.Sprintf("messages without end; --kill-command after %d were confirmed, %d times", killAfter, kills)
	var came []string
	for range kills {
		records, s, problem := r.killed()
		if s != nil {
			came = append(came, fmt.Sprintf("%d confirmed, then %s", s.confirmed, endText(s.end)))
		}
		if problem != "" {
			if strings.HasPrefix(problem, "--") {
				return notTried(problem)
			}
			return judge(sent, strings.Join(came, "; "), problem)
		}
		times, problem := r.stored()
		if problem != "" {
			return notTried(problem)
		}
		if lost := missing(times, records[:s.confirmed]); lost != nil {
			number := slices.IndexFunc(records, func(one record) bool { return one.marker == lost.marker }) + 1
			return judge(sent, strings.Join(came, "; "), fmt.Sprintf("message %d had been confirmed; after the kill its record, with the text %s, is gone", number, lost.marker))
		}
	}
	return judge(sent, strings.Join(came, "; "), "")
}

func endText(end *wire.Event) string {
	if end == nil {
		return "no end of the connection"
	}
	return closeText(end)
}

// killed sends until the receiver has been killed, and returns once it is back.
func (r *run) killed() (records []record, s *session, problem string) {
	s, problem = r.open(dialing{})
	if problem != "" {
		return nil, nil, problem
	}
	defer s.cut()
	over := make(chan string, 1)
	killing := false
	for s.end == nil {
		if len(records)-s.confirmed < killWindow && s.problem == "" {
			more := r.recordsOf(50)
			records = append(records, more...)
			s.sendAll(more)
		}
		if s.confirmed >= killAfter && !killing {
			killing = true
			go func() { over <- r.kill() }()
		}
		if !s.take(time.Now().Add(time.Millisecond)) && time.Since(s.signed) > r.Timeout {
			problem = fmt.Sprintf("no confirmation within %v after %d", r.Timeout, s.confirmed)
			break
		}
	}
	if !killing {
		if problem == "" {
			problem = "the connection ended: " + closeText(s.end)
		}
		return records, s, problem
	}
	if said := <-over; said != "" {
		return records, s, said
	}
	if s.end == nil {
		return records, s, "--kill-command did not end the connection: does it kill the receiver?"
	}
	r.stopped(s.end)
	s.cut() // a receiver may wait for that before it ends
	return records, s, r.comesBack()
}

// stopped is what E1 watches.
func (r *run) stopped(end *wire.Event) {
	switch end.Code {
	case protocol.CloseAbnormal:
	case protocol.CloseGoingAway, protocol.CloseServiceRestart:
		r.seen["E1"]++
	default:
		r.found("E1", closeText(end))
	}
}
