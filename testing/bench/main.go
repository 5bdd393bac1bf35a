// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
)

type settings struct {
	binary  string
	earlier string
	lines   int
	rounds  int
	suites  string
	update  bool
	profile string
}

// stockBinary is where plain Filebeat is built.
const stockBinary = ".cache/bench/filebeat"

func main() {
	var s settings
	flag.StringVar(&s.binary, "filebeat", "./filebeat", "`binary` of the distribution")
	flag.StringVar(&s.earlier, "earlier", "", "`binary` of an earlier commit, to compare with in suite earlier")
	flag.IntVar(&s.lines, "lines", 1_000_000, "`number` of lines of 200 bytes that each run reads; a tenth of that for lines of 4 KiB")
	flag.IntVar(&s.rounds, "rounds", 5, "`number` of runs of each case")
	flag.StringVar(&s.suites, "suites", "all", "comma-separated `names` of suites: all, or some of "+strings.Join(suiteNames(), ", "))
	flag.BoolVar(&s.update, "update", false, "also write the report and its plots to docs/")
	flag.StringVar(&s.profile, "profile", "", "`file` to write a CPU profile of output.websocket with the shipped filebeat.yml to, a mix of one file as json and as raw lines and of 200 files, instead of measuring")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := measure(ctx, s)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// measure writes the report to standard output and progress to standard error.
func measure(ctx context.Context, s settings) (err error) {
	selected, err := selectSuites(s.suites)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "bench-lines-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	b, err := prepare(ctx, s, folder)
	if err != nil {
		return err
	}
	defer b.sinks.close()
	if s.profile != "" {
		return b.profile(ctx, s.profile)
	}
	head, err := preamble(ctx, s)
	if err != nil {
		return err
	}
	var sections []section
	for _, s := range selected {
		part, err := s.run(ctx, b)
		if err != nil {
			return fmt.Errorf("suite %s: %w", s.name, err)
		}
		fmt.Fprint(os.Stderr, goals([]section{part}))
		sections = append(sections, part)
	}
	fmt.Print(report(head, sections, ""))
	if s.update {
		return updateDocs(head, sections)
	}
	return nil
}

// prepare builds plain Filebeat, writes the loads and starts the servers.
func prepare(ctx context.Context, s settings, folder string) (*bench, error) {
	build := exec.CommandContext(ctx, "go", "build", "-o", stockBinary, "github.com/elastic/beats/v7/filebeat")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return nil, fmt.Errorf("build plain Filebeat: %w", err)
	}
	b := &bench{shipped: s.binary, stock: stockBinary, earlier: s.earlier, folder: folder, loads: loads(s.lines), rounds: s.rounds}
	for _, l := range b.loads {
		if err := l.write(folder); err != nil {
			return nil, err
		}
	}
	var err error
	if b.sinks, err = startSinks(ctx); err != nil {
		return nil, err
	}
	target, err := url.Parse(b.sinks.webSocketURL())
	if err != nil {
		return nil, err
	}
	b.slowAddress, err = startDelay(ctx, target.Host, slowRoundTrip)
	return b, err
}

const (
	docsFile = "docs/performance.md"
	docsMark = "<!-- measured: %s -->\n"
)

// updateDocs replaces the measured part of the document and the plots in it.
func updateDocs(head string, sections []section) error {
	content, err := os.ReadFile(docsFile)
	if err != nil {
		return err
	}
	begin, end := fmt.Sprintf(docsMark, "begin"), fmt.Sprintf(docsMark, "end")
	before, rest, found := strings.Cut(string(content), begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		return fmt.Errorf("%s: no %q and %q", docsFile, begin, end)
	}
	for _, s := range slices.Clone(sections) {
		if s.plot == nil {
			continue
		}
		if err := os.WriteFile(filepath.Join("docs", "images", s.plot.file()), []byte(s.plot.svg()), 0o600); err != nil {
			return err
		}
	}
	text := report(head, sections, "images")
	return os.WriteFile(docsFile, []byte(before+begin+text+end+after), 0o600)
}
