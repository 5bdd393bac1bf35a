// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"

	"filebeat-websocket/cmd/wscheck/internal/rules"
)

// indent is where the second line of a rule begins.
const indent = "                     "

// report prints results as they come, or all of them as JSON at the end.
type report struct {
	settings settings
	stdout   io.Writer
	terminal io.Writer // for what passes; nil without a terminal
	begin    time.Time
	results  []rules.Result
}

func newReport(s settings, stdout, stderr io.Writer) *report {
	r := &report{settings: s, stdout: stdout, begin: time.Now()}
	if isTerminal(stderr) {
		r.terminal = stderr
	}
	return r
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (r *report) watcher() rules.Watcher {
	return rules.Watcher{
		Begins: func(rule *rules.Rule) { r.passing(fmt.Sprintf("%s: %s …", rule.ID, rule.Title)) },
		Ends: func(result rules.Result) {
			r.passing("")
			if !r.settings.json {
				printResult(r.stdout, result)
			}
		},
	}
}

// passing shows a line that the next one replaces.
func (r *report) passing(text string) {
	if r.terminal != nil {
		_, _ = fmt.Fprintf(r.terminal, "\r\x1b[K%s", text)
	}
}

// printable makes visible what would change a terminal: a receiver says what it likes.
func printable(text string) string {
	var b strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}

func printResult(w io.Writer, result rules.Result) {
	result.Sent, result.Came, result.Why = printable(result.Sent), printable(result.Came), printable(result.Why)
	state := string(result.State)
	if result.State == rules.Fails {
		state = "FAILS"
	}
	_, _ = fmt.Fprintf(w, "%-9s %-3s %-6s %s\n", state, result.ID, result.Level, result.Title)
	switch result.State {
	case rules.Holds:
		_, _ = fmt.Fprintf(w, "%ssent %s; came %s; %s\n", indent, result.Sent, result.Came, result.Link())
	case rules.NotTried:
		_, _ = fmt.Fprintf(w, "%s%s; %s\n", indent, result.Why, result.Link())
	default:
		for _, part := range [][2]string{{"sent", result.Sent}, {"came", result.Came}, {"wrong", result.Why}, {"read", result.Link()}} {
			_, _ = fmt.Fprintf(w, "%s%-6s %s\n", indent, part[0]+":", part[1])
		}
	}
}

// counts says how many rules ended in each state.
type counts struct {
	Hold        int `json:"hold"`
	MustFail    int `json:"must_fail"`
	ShouldFail  int `json:"should_fail"`
	NotTried    int `json:"not_tried"`
	mustsThatDo int
}

func (r *report) count() (c counts) {
	for _, result := range r.results {
		switch {
		case result.State == rules.NotTried:
			c.NotTried++
		case result.State == rules.Holds:
			c.Hold++
			if result.Level == rules.Must {
				c.mustsThatDo++
			}
		case result.Level == rules.Must:
			c.MustFail++
		default:
			c.ShouldFail++
		}
	}
	return c
}

// passed reports whether no MUST fails, and whether there was one to tell.
func (r *report) passed() bool {
	c := r.count()
	return c.MustFail == 0 && c.mustsThatDo > 0
}

// end prints what is printed at the end.
func (r *report) end(results []rules.Result) {
	r.results = results
	if r.settings.json {
		r.printJSON()
		return
	}
	c := r.count()
	_, _ = fmt.Fprintf(r.stdout, "\n%d rules in %v: %d hold, %d MUST and %d SHOULD fail, %d were not tried\n",
		len(r.results), time.Since(r.begin).Round(100*time.Millisecond), c.Hold, c.MustFail, c.ShouldFail, c.NotTried)
}

// jsonRule is a rule, and its result if there is one, in the output of --json.
type jsonRule struct {
	Rule    string      `json:"rule"`
	Level   rules.Level `json:"level"`
	Title   string      `json:"title"`
	State   rules.State `json:"state,omitempty"`
	Sent    string      `json:"sent,omitempty"`
	Came    string      `json:"came,omitempty"`
	Why     string      `json:"why,omitempty"`
	Read    string      `json:"read"`
	Modes   string      `json:"modes,omitempty"`
	Seconds float64     `json:"seconds,omitempty"`
}

func (r *report) printJSON() {
	document := struct {
		URL     string     `json:"url"`
		Ack     string     `json:"ack"`
		Format  string     `json:"format"`
		Passed  bool       `json:"passed"`
		Counts  counts     `json:"counts"`
		Seconds float64    `json:"seconds"`
		Rules   []jsonRule `json:"rules"`
	}{
		URL: r.settings.options.URL.Redacted(), Ack: r.settings.options.Ack, Format: r.settings.options.Format,
		Passed: r.passed(), Counts: r.count(), Seconds: time.Since(r.begin).Seconds(), Rules: []jsonRule{},
	}
	for _, result := range r.results {
		document.Rules = append(document.Rules, jsonRule{
			Rule: result.ID, Level: result.Level, Title: result.Title, State: result.State,
			Sent: result.Sent, Came: result.Came, Why: result.Why, Read: result.Link(), Seconds: result.Took.Seconds(),
		})
	}
	printJSON(r.stdout, document)
}

func printJSON(w io.Writer, document any) {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(document) // it fails only if nobody reads any more
}

// list prints the rules that were chosen.
func list(w io.Writer, s settings) {
	if s.json {
		found := []jsonRule{}
		for _, rule := range s.rules {
			found = append(found, jsonRule{Rule: rule.ID, Level: rule.Level, Title: rule.Title, Read: rule.Link(), Modes: rule.Modes})
		}
		printJSON(w, found)
		return
	}
	for _, rule := range s.rules {
		needs := ""
		if rule.Needs != "" {
			needs = "needs " + string(rule.Needs) + "; "
		}
		_, _ = fmt.Fprintf(w, "%-3s %-6s %s\n           %s%s; --ack %s\n", rule.ID, rule.Level, rule.Title, needs, rule.Link(), strings.ReplaceAll(rule.Modes, " ", "|"))
	}
}
