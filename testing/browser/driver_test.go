// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

// browser is a running Chromium with its driver.
type browser struct {
	t       *testing.T
	stdin   io.WriteCloser
	version string

	mutex   sync.Mutex
	lastID  int
	waiting map[int]chan answer
}

type answer struct {
	ID    int             `json:"id"`
	Value json.RawMessage `json:"value"`
	Error string          `json:"error"`
}

func startBrowser(t *testing.T) *browser {
	t.Helper()
	folder := installDriver(t)
	driver := filepath.Join(beattest.Root(t), "testing", "browser", "driver.mjs")
	command := exec.CommandContext(context.WithoutCancel(t.Context()), "node", driver, folder, chromium)
	stdin, err := command.StdinPipe()
	require.NoError(t, err)
	outRead, outWrite := io.Pipe()
	command.Stdout = outWrite
	process := beattest.StartProcess(t, command)
	b := &browser{t: t, stdin: stdin, waiting: map[int]chan answer{}}
	lines := bufio.NewScanner(outRead)
	lines.Buffer(nil, 16<<20)
	first := make(chan string, 1)
	var reading sync.WaitGroup
	reading.Go(func() { b.read(lines, first) })
	t.Cleanup(func() {
		_ = stdin.Close() // the driver closes the browser then
		select {
		case <-process.Done():
		case <-time.After(patience):
			process.Kill()
		}
		_ = outWrite.Close()
		reading.Wait()
	})
	select {
	case line := <-first:
		var said struct{ Version string }
		require.NoError(t, json.Unmarshal([]byte(line), &said))
		b.version = said.Version
	case <-process.Done():
		require.FailNow(t, "the browser's driver ended", process.Output())
	case <-time.After(patience):
		require.FailNow(t, "the browser did not start")
	}
	return b
}

func (b *browser) read(lines *bufio.Scanner, first chan<- string) {
	if lines.Scan() {
		first <- lines.Text()
	}
	for lines.Scan() {
		var a answer
		if json.Unmarshal(lines.Bytes(), &a) != nil {
			continue
		}
		b.mutex.Lock()
		waiting := b.waiting[a.ID]
		delete(b.waiting, a.ID)
		b.mutex.Unlock()
		if waiting != nil {
			waiting <- a
		}
	}
}

// ask sends the driver a command and decodes its answer into value, unless that is
// nil.
func (b *browser) ask(t *testing.T, value any, command string, args map[string]any) error {
	t.Helper()
	b.mutex.Lock()
	b.lastID++
	id := b.lastID
	waiting := make(chan answer, 1)
	b.waiting[id] = waiting
	b.mutex.Unlock()
	line := map[string]any{"id": id, "command": command}
	maps.Copy(line, args)
	encoded, err := json.Marshal(line)
	require.NoError(t, err)
	_, err = b.stdin.Write(append(encoded, '\n'))
	require.NoError(t, err)
	select {
	case a := <-waiting:
		if a.Error != "" {
			return fmt.Errorf("%s: %s", command, a.Error)
		}
		if value != nil {
			return json.Unmarshal(a.Value, value)
		}
		return nil
	case <-time.After(2 * patience):
		return fmt.Errorf("%s: no answer", command)
	}
}

// look describes a window.
type look struct {
	width, height int
	dark, touch   bool
	scale         float64
	zone          string // UTC unless set
	cut           string // a file whose first request fails
}

var desk = look{width: 1280, height: 800, scale: 1}

// page is one window of the browser.
type page struct {
	b       *browser
	t       *testing.T
	number  int
	headers map[string]string
}

func (b *browser) open(t *testing.T, url string, l look) *page {
	t.Helper()
	var opened struct {
		Page    int
		Status  int
		Headers map[string]string
	}
	require.NoError(t, b.ask(t, &opened, "open", map[string]any{
		"url": url, "width": l.width, "height": l.height, "dark": l.dark, "touch": l.touch, "scale": l.scale, "zone": l.zone, "cut": l.cut,
	}))
	require.Equal(t, 200, opened.Status)
	p := &page{b: b, t: t, number: opened.Page, headers: opened.Headers}
	t.Cleanup(func() { _ = b.ask(t, nil, "close", map[string]any{"page": p.number}) })
	return p
}

func (p *page) do(command string, value any, args map[string]any) {
	p.t.Helper()
	if args == nil {
		args = map[string]any{}
	}
	args["page"] = p.number
	require.NoError(p.t, p.b.ask(p.t, value, command, args))
}

func (p *page) press(keys ...string) {
	p.t.Helper()
	for _, key := range keys {
		p.do("press", nil, map[string]any{"key": key})
	}
}

func (p *page) write(text string) { p.t.Helper(); p.do("type", nil, map[string]any{"text": text}) }

func (p *page) click(selector string) {
	p.t.Helper()
	p.do("click", nil, map[string]any{"selector": selector})
}

// wait waits until a JavaScript expression holds.
func (p *page) wait(script string) { p.t.Helper(); p.waitFor(script, patience) }

func (p *page) waitFor(script string, timeout time.Duration) {
	p.t.Helper()
	err := p.b.ask(p.t, nil, "wait", map[string]any{"page": p.number, "script": script, "timeout": timeout.Milliseconds()})
	if err != nil {
		var problems []string
		p.do("problems", &problems, nil)
		require.FailNowf(p.t, "this did not happen in the page", "%s\n%v\n%v\n%s", script, err, problems, p.text("body"))
	}
}

func (p *page) text(selector string) string {
	p.t.Helper()
	var text string
	p.do("evaluate", &text, map[string]any{"script": fmt.Sprintf("document.querySelector(%q)?.innerText ?? ''", selector)})
	return text
}

func (p *page) evaluate(value any, script string) {
	p.t.Helper()
	p.do("evaluate", value, map[string]any{"script": script})
}

// onlyRefused is unproblematic, but for so many filters that the server refused.
func (p *page) onlyRefused(filters int) {
	p.t.Helper()
	var problems []string
	p.do("problems", &problems, nil)
	require.Len(p.t, problems, filters)
	for _, problem := range problems {
		require.Contains(p.t, problem, "status of 400")
	}
}

// unproblematic fails the test if the page logged an error or did what it should not.
func (p *page) unproblematic() {
	p.t.Helper()
	var problems []string
	p.do("problems", &problems, nil)
	require.Empty(p.t, problems)
}
