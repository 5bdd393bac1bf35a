// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"slices"
	"strings"
	"time"
)

// Level says what it means if a rule does not hold.
type Level string

// Levels of RFC 2119.
const (
	Must   Level = "MUST"   // records can be lost, or Filebeat gets no further
	Should Level = "SHOULD" // it works, at a price
)

// Modes of confirmation, as `ack` of the output has them; Forward is `ack: message` with
// `format: forward`.
const (
	Message = "message"
	Ping    = "ping"
	Forward = "forward"
	None    = "none"
)

// Modes returns all of them.
func Modes() []string { return []string{Ping, Message, Forward, None} }

// Documents that rules are in.
const (
	protocolDocument = "docs/protocol.md"
	deliveryDocument = "docs/delivery.md"
	formatsDocument  = "docs/formats.md"
)

// Rule is one rule of the documents.
type Rule struct {
	// ID is a letter for the subject, and a number.
	ID       string
	Level    Level
	Title    string // as in the document
	Document string
	Modes    string // those it applies to, with spaces between
	// After are rules without which this one cannot be tried.
	After []string
	Needs need
	check func(r *run) Verdict
}

// need is an option without which a rule cannot be tried.
type need string

const (
	nothing need = ""
	store   need = "--store-command"
	kill    need = "--store-command and --kill-command"
	token   need = "--bearer-token-file" // #nosec G101 -- the name of a flag
	secret  need = "--shared-key-file"   // #nosec G101 -- likewise
)

// Link is where to read on.
func (r *Rule) Link() string { return r.Document + "#" + strings.ToLower(r.ID) }

// Applies reports whether the rule is one for that mode.
func (r *Rule) Applies(mode string) bool { return slices.Contains(strings.Fields(r.Modes), mode) }

// State is what a check found.
type State string

// States of a rule.
const (
	Holds    State = "holds"
	Fails    State = "fails"
	NotTried State = "not tried"
)

// Verdict is the outcome of a check.
type Verdict struct {
	State State
	Sent  string // what was sent
	Came  string // what came
	Why   string // what is wrong, or why it was not tried
}

// Result is a rule with its verdict.
type Result struct {
	*Rule
	Verdict
	Took time.Duration
}

func notTried(why string) Verdict { return Verdict{State: NotTried, Why: why} }

// judge returns a Verdict that holds unless something is wrong.
func judge(sent, came, wrong string) Verdict {
	if wrong != "" {
		return Verdict{State: Fails, Sent: sent, Came: came, Why: wrong}
	}
	return Verdict{State: Holds, Sent: sent, Came: came}
}

// Named returns the rules of a list of ids and letters, such as "A1" and "N", in the order
// of All, and the first name that none has.
func Named(names []string) (chosen []*Rule, unknown string) {
	for _, name := range names {
		if !slices.ContainsFunc(All, func(r *Rule) bool { return r.named(name) }) {
			return nil, name
		}
	}
	for _, r := range All {
		if len(names) == 0 || slices.ContainsFunc(names, r.named) {
			chosen = append(chosen, r)
		}
	}
	return chosen, ""
}

func (r *Rule) named(name string) bool {
	return strings.EqualFold(r.ID, name) || strings.EqualFold(r.ID[:1], name)
}
