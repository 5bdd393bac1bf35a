// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"fmt"
	"slices"
	"strings"

	"filebeat-websocket/cmd/wscheck/internal/wire"
)

// exchange is what came when records were sent of which one is bad.
type exchange struct {
	sent    string
	came    string
	problem string // what went wrong before a verdict
	format  string // why there is none
	s       *session
	end     *wire.Event // of the connection, by the receiver
	good    []record
	bad     record
}

// badRecord sends three messages of one record each, of which the second one is bad, once
// for all rules.
func (r *run) badRecord() *exchange {
	return r.once("alone", func(x *exchange) {
		x.sent = fmt.Sprintf("three messages, the second one %s", shortened(fmt.Sprintf("%q", x.bad.bytes)))
		x.s.send(x.good[0])
		x.s.send(x.bad)
		x.s.send(x.good[1])
		x.s.flush()
		x.problem = x.s.awaitSettled(3)
	})
}

// mixedMessage sends one message of three records, of which the second one is bad.
func (r *run) mixedMessage() *exchange {
	return r.once("mixed", func(x *exchange) {
		x.sent = fmt.Sprintf("a message of three records, the second one %s", shortened(fmt.Sprintf("%q", x.bad.bytes)))
		x.s.send(x.good[0], x.bad, x.good[1])
		x.s.flush()
		x.problem = x.s.awaitSettled(1)
	})
}

func (r *run) once(kind string, exchanged func(x *exchange)) *exchange {
	if x := r.refused[kind]; x != nil {
		return x
	}
	x := &exchange{good: r.recordsOf(2), bad: r.record("")}
	r.refused[kind] = x
	switch {
	case r.format.Bad == nil:
		x.format = "any bytes are a record of the format " + r.format.Name
		return x
	case kind == "mixed" && (r.format.Join == nil || r.format.Name != "json_lines"):
		x.format = "in the format " + r.format.Name + " one bad record makes the whole message bad; try --format json_lines"
		return x
	}
	x.bad.bytes = r.format.Bad(x.bad.marker)
	s, problem := r.open(dialing{})
	if problem != "" {
		x.problem, x.came = problem, "nothing"
		return x
	}
	defer s.close()
	x.s = s
	exchanged(x)
	s.settle(settleTime)
	x.came, x.end = s.came(), s.end // before close brings one about
	return x
}

// verdict returns one for rules about a nack, unless there was none.
func (x *exchange) verdict(judged func(position int, nack *reply) string) Verdict {
	if x.format != "" {
		return notTried(x.format)
	}
	if x.s == nil {
		return judge(x.sent, x.came, x.problem)
	}
	position, nack := x.s.nack()
	if nack == nil {
		if x.problem != "" || x.end != nil {
			return notTried("no nack came, but " + x.came)
		}
		return notTried("the receiver takes this record")
	}
	return judge(x.sent, x.came, judged(position, nack))
}

func checkRefused(r *run) Verdict {
	x := r.badRecord()
	if x.format != "" {
		return notTried(x.format)
	}
	if x.s == nil {
		return judge(x.sent, x.came, x.problem)
	}
	_, nack := x.s.nack()
	switch end := x.end; {
	case nack != nil:
		return judge(x.sent, x.came, "")
	case end != nil && end.Code.RefusesContent():
		return judge(x.sent, x.came, "")
	case end != nil:
		return judge(x.sent, x.came, "after this end Filebeat sends the record again and again: only 1003, 1007 and 1009 have it look for the record at fault")
	case x.problem != "":
		return judge(x.sent, x.came, x.problem+": the record was neither taken nor refused")
	case !r.has(store):
		return notTried("the receiver takes this record; whether it stores it, --store-command can show")
	}
	times, problem := r.storedWithin([]record{x.bad})
	switch {
	case problem != "":
		return notTried(problem)
	case times[x.bad.marker] == 0:
		problem = "the record was confirmed, but it is not stored: it is lost"
	}
	return judge(x.sent, x.came, problem)
}

func checkNackFirst(r *run) Verdict {
	x := r.badRecord()
	return x.verdict(func(position int, nack *reply) string {
		for _, earlier := range x.s.replies[:position+1] {
			if earlier.Ack >= nack.Nack {
				return fmt.Sprintf("%s comes first, and confirms message %d: the refusal comes too late, and the record is lost", earlier.text, nack.Nack)
			}
		}
		return ""
	})
}

func checkNackNumber(r *run) Verdict {
	x := r.badRecord()
	return x.verdict(func(_ int, nack *reply) string {
		switch {
		case nack.Nack != 2:
			return fmt.Sprintf("the bad record is in message 2, not %d: messages are counted from 1", nack.Nack)
		case slices.ContainsFunc(nack.Records, func(i int) bool { return i != 0 }):
			return "the message has one record, which has the number 0"
		case x.problem != "":
			return "a nack is about its message only: " + x.problem
		}
		return ""
	})
}

func checkNackFinal(r *run) Verdict {
	return r.badRecord().verdict(func(_ int, nack *reply) string {
		if nack.Retry {
			return "with retry: true Filebeat sends the record again and again"
		}
		return ""
	})
}

func checkNackReason(r *run) Verdict {
	x := r.badRecord()
	return x.verdict(func(_ int, nack *reply) string {
		switch {
		case nack.Reason == "":
			return "there is no reason: the operator sees none in Filebeat's log"
		case strings.Contains(nack.Reason, x.bad.marker):
			return "the reason has a part of the record: what is in records does not belong in logs"
		}
		return ""
	})
}

func checkSingleRecords(r *run) Verdict {
	x := r.mixedMessage()
	return x.verdict(func(_ int, nack *reply) string {
		if len(nack.Records) > 0 && !slices.Equal(nack.Records, []int{1}) {
			return fmt.Sprintf("the bad record has the number 1, counted from 0: %v refuses others, or none", nack.Records)
		}
		return ""
	})
}

func checkNackRecords(r *run) Verdict {
	return r.mixedMessage().verdict(func(_ int, nack *reply) string {
		if len(nack.Records) == 0 {
			return "without \"records\" Filebeat sends the message again in halves, until it has found the record"
		}
		return ""
	})
}

func checkRestStored(r *run) Verdict {
	x := r.mixedMessage()
	verdict := x.verdict(func(_ int, nack *reply) string {
		if len(nack.Records) == 0 {
			return ""
		}
		times, problem := r.storedWithin(x.good)
		if lost := missing(times, x.good); problem == "" && lost != nil {
			problem = fmt.Sprintf("the record with the text %s was not refused, and is not stored: it is lost", lost.marker)
		}
		return problem
	})
	if strings.HasPrefix(verdict.Why, "--store-command") {
		return notTried(verdict.Why)
	}
	if x.s != nil && verdict.State == Holds {
		if _, nack := x.s.nack(); len(nack.Records) == 0 {
			return notTried("the whole message was refused")
		}
	}
	return verdict
}
