// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"filebeat-websocket/cmd/wscheck/internal/records"
	"filebeat-websocket/cmd/wscheck/internal/wire"
	"filebeat-websocket/protocol"
)

const (
	// settleTime is how long a check waits for what must not come.
	settleTime = 150 * time.Millisecond
	// farewellTimeout is how long a connection that is no longer needed waits for the
	// server's Close frame.
	farewellTimeout = 100 * time.Millisecond
	// tag of the requests of Fluent Forward.
	tag = "wscheck"
)

// Options are what an implementer may choose.
type Options struct {
	URL             *url.URL
	Ack             string
	Format          string
	Token           string
	TLS             *tls.Config
	Timeout         time.Duration
	MaxMessageBytes int
	StoreCommand    string
	KillCommand     string
	SharedKey       string
	Username        string
	Password        string
}

// has reports whether an option was given.
func (o *Options) has(n need) bool {
	switch n {
	case store:
		return o.StoreCommand != ""
	case kill:
		return o.StoreCommand != "" && o.KillCommand != ""
	case token:
		return o.Token != ""
	case secret:
		return o.SharedKey != ""
	}
	return true
}

// Watcher is told how the check proceeds. Both functions may be nil.
type Watcher struct {
	Begins func(*Rule)
	Ends   func(Result)
}

// run is one check of a receiver.
type run struct {
	Options
	ctx     context.Context
	format  records.Format
	name    string // of this run, in every marker
	records int
	refused map[string]*exchange // exchanges with bad records, by kind

	// echoless is set once a server has answered a Ping without its payload: then the n-th
	// Pong answers the n-th Ping, as for the output.
	echoless bool

	// What is watched, by the id of the rule.
	current  string // rule that is being checked
	findings map[string][]string
	seen     map[string]int
	waited   time.Duration // the longest wait for a reply
}

// Run checks the rules that apply, one after the other, and returns their results in the
// order in which they ended.
func Run(ctx context.Context, o Options, chosen []*Rule, w Watcher) []Result {
	r := &run{
		Options: o, ctx: ctx, format: records.Named(o.Format), name: strings.ToLower(rand.Text()[:6]),
		refused: map[string]*exchange{}, findings: map[string][]string{}, seen: map[string]int{},
	}
	var results []Result
	// blocking has the rule that fails for each that does, or that could not be tried for it.
	blocking := map[string]string{}
	conclude := func(rule *Rule, check func() Verdict) {
		if w.Begins != nil {
			w.Begins(rule)
		}
		begin := time.Now()
		result := Result{Rule: rule}
		if before := rule.blockedBy(blocking); before != "" {
			blocking[rule.ID] = before
			result.Verdict = notTried(before + " does not hold")
		} else {
			result.Verdict = r.discreet(check())
		}
		result.Took = time.Since(begin)
		if result.State == Fails {
			blocking[rule.ID] = rule.ID
		}
		results = append(results, result)
		if w.Ends != nil {
			w.Ends(result)
		}
	}
	var watched []*Rule
	for _, rule := range chosen {
		switch {
		case !rule.Applies(o.Ack):
		case rule.check == nil:
			watched = append(watched, rule)
		default:
			conclude(rule, func() Verdict { return r.try(rule) })
		}
	}
	if len(watched) > 0 && len(results) == 0 {
		r.exchange()
	}
	for _, rule := range watched {
		conclude(rule, func() Verdict { return r.watchedVerdict(rule.ID) })
	}
	return results
}

// discreet hides the secrets that a receiver may repeat.
func (r *run) discreet(v Verdict) Verdict {
	for _, hidden := range []string{r.Token, r.SharedKey, r.Password} {
		if hidden != "" {
			v.Came, v.Why = strings.ReplaceAll(v.Came, hidden, "***"), strings.ReplaceAll(v.Why, hidden, "***")
		}
	}
	return v
}

// blockedBy returns the rule that fails and without which this one cannot be tried.
func (r *Rule) blockedBy(blocking map[string]string) string {
	for _, before := range r.After {
		if blocking[before] != "" {
			return blocking[before]
		}
	}
	return ""
}

func (r *run) try(rule *Rule) Verdict {
	if !r.has(rule.Needs) {
		return notTried("it needs " + string(rule.Needs))
	}
	if r.ctx.Err() != nil {
		return notTried("the check was interrupted")
	}
	r.current = rule.ID
	return rule.check(r)
}

// exchange shows the watched rules something if no other rule is checked.
func (r *run) exchange() {
	s, problem := r.open(dialing{})
	if problem != "" {
		r.found("W1", problem)
		return
	}
	defer s.close()
	for range 3 {
		s.send(r.record(""))
		s.flush()
	}
	s.await(3) // what is missing is for other rules to say
}

// found notes that a watched rule does not hold.
func (r *run) found(id, what string) {
	what = "while " + r.current + " was checked: " + what
	if r.current == "" {
		what = strings.TrimPrefix(what, "while  was checked: ")
	}
	if !slices.Contains(r.findings[id], what) {
		r.findings[id] = append(r.findings[id], what)
	}
}

// watching are what each watched rule looks at, and why it was not tried without that.
var watching = map[string]struct{ sent, came, none, wrong string }{
	"W1": {"everything above", "%d connections without a frame that is wrong", "no connection was made", "Filebeat closes the connection, or misreads what comes"},
	"A7": {"everything above", "%d replies in their form", "no reply came", "Filebeat ignores such a reply"},
	"A8": {"everything above", "%d acks, each higher than the one before", "no ack came", "an ack confirms all messages before it: if each message is acked when it is stored, and a later one is stored first, the ones before it are confirmed too early"},
	"G1": {"everything above", "%d progress and pause in their form", "the receiver sent no progress and no pause", "Filebeat ignores such a reply"},
	"G2": {"everything above", "%d progress", "no message waited longer than %v for a reply", "after `timeout` (30s) without a reply Filebeat takes the receiver for dead"},
	"P5": {"everything above", "%d Pongs, none too many", "no Pong came", "it may be taken for an answer"},
	"E1": {"--kill-command", "close 1001 or 1012, %d times", "no Close frame came at --kill-command: a SIGTERM can show it, a SIGKILL can not", "Filebeat waits longer after other codes"},
}

func (r *run) watchedVerdict(id string) Verdict {
	about := watching[id]
	if found := r.findings[id]; len(found) > 0 {
		more := ""
		if len(found) > 1 {
			more = fmt.Sprintf(" (and %d more of this kind)", len(found)-1)
		}
		return Verdict{State: Fails, Sent: about.sent, Came: found[0] + more, Why: about.wrong}
	}
	if r.seen[id] == 0 {
		if id == "G2" {
			return notTried(fmt.Sprintf(about.none, r.waited.Round(time.Millisecond)))
		}
		return notTried(about.none)
	}
	return Verdict{State: Holds, Sent: about.sent, Came: fmt.Sprintf(about.came, r.seen[id])}
}

// record is a record with its marker.
type record struct {
	marker, id string
	bytes      []byte
}

// record returns a new one, with padding behind the line.
func (r *run) record(padding string) record {
	r.records++
	marker := fmt.Sprintf("wscheck-%s-%06d.", r.name, r.records)
	// The id must not look like the marker, which is counted in what was stored.
	id := fmt.Sprintf("%s%016dxx", strings.ToUpper(r.name), r.records)
	if r.format.Name != "forward" && !r.format.IDs {
		id = ""
	}
	return record{marker: marker, id: id, bytes: r.format.Record(marker, id, padding)}
}

func (r *run) recordsOf(count int) []record {
	list := make([]record, count)
	for i := range list {
		list[i] = r.record("")
	}
	return list
}

// dialing are what a connection may have beside the usual.
type dialing struct {
	deflate    bool
	protocols  []string // nil for those of the mode
	token      string   // empty for the right one
	readBuffer int
}

func (r *run) dial(d dialing) (*wire.Conn, *wire.Answer, error) {
	header := http.Header{}
	if r.Token != "" {
		bearer := r.Token
		if d.token != "" {
			bearer = d.token
		}
		header.Set("Authorization", "Bearer "+bearer)
	}
	if d.protocols == nil && r.Ack == Message {
		d.protocols = []string{protocol.Subprotocol}
	}
	return wire.Dial(r.ctx, wire.Options{
		URL: r.URL, Header: header, TLS: r.TLS, Timeout: r.Timeout,
		Protocols: d.protocols, Deflate: d.deflate, ReadBuffer: d.readBuffer,
	})
}

// pause waits, or until the check is given up.
func (r *run) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-r.ctx.Done():
	}
}

// open connects as far as data can be sent. A problem is empty, or says what is wrong.
func (r *run) open(d dialing) (s *session, problem string) {
	conn, answer, err := r.dial(d)
	switch {
	case err != nil:
		return nil, "cannot connect: " + err.Error()
	case conn == nil:
		return nil, "the upgrade was answered with " + answer.Summary()
	}
	r.seen["W1"]++
	s = newSession(r, conn, answer)
	if r.Ack == Forward && r.SharedKey != "" {
		if _, problem := s.handshake(); problem != "" {
			s.close()
			return nil, problem
		}
	}
	return s, ""
}
