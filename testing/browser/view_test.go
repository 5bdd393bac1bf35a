// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package browser

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// atRest is whether every row in sight is whole, as is the line above them, and none
// runs into another.
const atRest = `(() => {
  const log = document.querySelector('#log').getBoundingClientRect();
  const boxes = [...document.querySelectorAll('.row, .gap')].filter((row) => getComputedStyle(row).visibility === 'visible').map((row) => row.getBoundingClientRect())
    .filter((box) => box.bottom > log.top + 1 && box.top < log.bottom - 1).sort((a, b) => a.top - b.top);
  return boxes.length > 3 && document.querySelector('#head').offsetHeight === 26 && boxes.every((box) => box.top > log.top - 1.01 && box.bottom < log.bottom + 1.01)
    && boxes.every((box, i) => i === 0 || Math.abs(box.top - boxes[i - 1].bottom) < 1);
})()`

// clickText clicks the button in what a selector finds that has that text.
func (p *page) clickText(selector, text string) {
	p.t.Helper()
	p.wait(fmt.Sprintf("(() => { const at = [...document.querySelectorAll(%q)].find((one) => one.textContent.trim() === %q); at?.click(); return Boolean(at); })()", selector, text))
}

// cell is a JavaScript expression: the text of a cell of the row with that message.
func cell(message, name string) string {
	return fmt.Sprintf("%s?.querySelector('.%s')?.textContent", rowWith(message), name)
}

func TestAPageWithoutRecordsSaysHowTheyCome(t *testing.T) {
	b, s := startBrowser(t), startServer(t)
	p := b.open(t, s.page(), desk)
	p.wait("document.querySelector('#connection').dataset.state === 'live'")
	config := fmt.Sprintf("output.websocket:\n  hosts: [%q]\n", s.ingest())
	p.wait(fmt.Sprintf("document.querySelector('#config').textContent === %q && document.querySelector('#config').offsetParent", config))
	p.press("/")
	p.write("x")
	p.wait("!document.querySelector('#start').offsetParent && document.querySelector('#empty-title').textContent === 'Nothing matches so far'")
	p.press("Control+A", "Delete")
	p.wait("document.querySelector('#start').offsetParent")
	dial(t, s.ingest(), "").send(simple("the first"))
	p.wait(rowWith("the first"))
	p.wait("!document.querySelector('#start').offsetParent")

	// A script whose connection ends is asked for again.
	cut := b.open(t, s.page(), look{width: 1280, height: 800, scale: 1, cut: "tail/list.js"})
	cut.wait(rowWith("the first"))

	// What someone searches for is in no address that the server sees.
	p.do("goto", nil, map[string]any{"url": s.page() + "?q=first&level=info"})
	p.wait(rowWith("the first"))
	p.wait("location.search === '' && location.hash === '#q=first&level=info' && document.querySelector('#search').value === 'first'")
	var asked []string
	p.evaluate(&asked, "performance.getEntriesByType('resource').map((entry) => entry.name).filter((name) => name.includes('first'))")
	require.Empty(t, asked)
	p.unproblematic()
}

func TestTheListIsShownAsOneLikes(t *testing.T) {
	b, s := startBrowser(t), startServer(t)
	a, p := dial(t, s.ingest(), ""), b.open(t, s.page(), look{width: 1280, height: 800, scale: 1, zone: "Asia/Kolkata"})
	long := strings.Repeat("0123456789", 35)
	at := map[string]any{"@timestamp": "2021-02-05T22:17:09.123Z", "status": 404}
	for i := range 60 {
		a.send(record("web-1", "/var/log/app.log", "info", fmt.Sprintf("line %02d %s", i, long[:i*6%350]), at))
	}
	p.wait(rowWith("line 59"))

	// One file needs no column.
	p.wait("!document.querySelector('.row .file') && document.querySelector('#head').innerText.includes('/var/log/app.log')")
	a.send(record("web-1", "/srv/application/shop/orders/payments.log", "warn", "line 60", at))
	p.wait(cell("line 60", "file") + " === '…/orders/payments.log'")

	// Times have a zone.
	p.wait(cell("line 60", "time") + " === '03:47:09.123' && document.querySelector('#zone').textContent === 'Time UTC+5:30'")
	p.click("#zone")
	p.wait(cell("line 60", "time") + " === '22:17:09.123' && document.querySelector('#zone').textContent === 'Time UTC'")

	// Rows are whole, with the newest in sight and scrolled back, in one line and wrapped.
	for _, height := range []int{800, 777} {
		p.do("size", nil, map[string]any{"width": 1280, "height": height})
		for range 2 {
			p.wait(atRest)
			p.wait("document.querySelector('#connection-text').textContent === 'Live'")
			p.do("wheel", nil, map[string]any{"y": -333})
			p.wait("document.querySelector('#connection-text').textContent === 'Not following'")
			p.wait(atRest)
			p.press("w")
			p.wait(atRest)
			p.press("End")
		}
	}
	p.press("w")
	var heights []int
	p.evaluate(&heights, "[...document.querySelectorAll('.row')].map((row) => row.querySelector('.message').scrollHeight - row.clientHeight)")
	require.LessOrEqual(t, slices.Max(heights), 0, "a wrapped message is not cut")
	a.send(record("web-1", "/var/log/app.log", "info", "two\nlines of "+strings.Repeat("€", 200), at))
	p.wait(rowWith("lines of") + "?.clientHeight >= 64")
	p.press("w")

	// Columns.
	p.press("v")
	p.click(`#view [data-column="host"]`)
	p.click("#field")
	p.write("status")
	p.press("Enter", "Escape")
	p.wait("!document.querySelector('.row .host') && " + cell("line 60", "field") + " === '404'")
	p.do("goto", nil, map[string]any{"url": s.page()})
	p.wait(cell("line 60", "field") + " === '404' && !document.querySelector('.row .host')") // the browser remembers
	p.unproblematic()
}

func TestValuesBecomeFiltersAndRecordsLinks(t *testing.T) {
	b, s := startBrowser(t), startServer(t)
	a, p := dial(t, s.ingest(), ""), b.open(t, s.page(), desk)
	status := func(code int) map[string]any {
		return map[string]any{"http": map[string]any{"response": map[string]any{"status_code": code}}}
	}
	for i := range 9 {
		a.send(record("web-1", "/var/log/app.log", "info", fmt.Sprintf("line %d", i), status([]int{200, 404, 500}[i%3])))
	}
	rows := func(count int) {
		t.Helper()
		p.wait(fmt.Sprintf("document.querySelector('#rows-text').textContent === '%d rows'", count))
	}
	rows(9)
	p.evaluate(nil, rowWith("line 4")+".click()")
	p.clickText(".json .number.value", "404")
	p.clickText(".choices button", "Not this")
	rows(6)
	p.wait("document.querySelector('.chip').innerText.includes('http.response.status_code is not 404')")
	a.send(record("web-2", "/var/log/app.log", "error", "line 9", status(404)), record("web-2", "/var/log/app.log", "error", "line 10", status(500)))
	rows(7)
	p.click(".chip")
	rows(11)
	p.clickText(".json .string.value", `"web-1"`)
	p.clickText(".choices button", "Only this")
	rows(9)
	p.press("Escape")

	// Context, around a hit that comes and one that was there.
	p.click(".chip")
	p.press("/")
	p.write("line 5")
	rows(1)
	p.press("Escape", "c")
	rows(5)
	p.wait("[...document.querySelectorAll('.row.around .message')].map((cell) => cell.textContent).join() === 'line 3,line 4,line 6,line 7'")

	// What is shown becomes a file.
	var file struct{ Name, Text string }
	p.do("download", &file, map[string]any{"selector": "#download"})
	require.Regexp(t, `^records-[\dT-]+\.ndjson$`, file.Name)
	lines := strings.Split(strings.TrimSpace(file.Text), "\n")
	require.Len(t, lines, 5)
	for _, line := range lines {
		require.True(t, json.Valid([]byte(line)))
	}

	// A link leads to the record, as long as it is there.
	p.evaluate(nil, rowWith("line 5")+".click()")
	p.evaluate(nil, "Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (text) => { globalThis.copied = text; } } })")
	p.press("l")
	p.wait("document.querySelector('#details-link').textContent === 'Copied'")
	var link string
	p.evaluate(&link, "copied")
	other := b.open(t, link, desk)
	other.wait("document.querySelector('#details-message')?.textContent === 'line 5'")
	other.wait("document.querySelector('#rows-text').textContent === '11 rows'")
	gone := b.open(t, link[:strings.LastIndex(link, ".")]+".9999", desk)
	gone.wait("document.querySelector('#notice').textContent.includes('not here any more')")
	p.unproblematic()
	other.unproblematic()
}

// TestTheListSaysWhatItLeavesOut has the sum of the rows and of what is left out
// between them.
func TestTheListSaysWhatItLeavesOut(t *testing.T) {
	b, s := startBrowser(t), startServer(t)
	a, p := dial(t, s.ingest(), ""), b.open(t, s.page(), desk)
	p.wait("document.querySelector('#connection').dataset.state === 'live'")
	a.send(simple("before"))
	p.wait(rowWith("before"))
	for range 2 {
		var burst [][]byte
		for i := range 1000 {
			burst = append(burst, record("web-1", "/var/log/app.log", []string{"error", "info", "info", "info"}[i%4], fmt.Sprintf("burst %d", i), nil))
		}
		a.send(burst...)
		<-time.After(300 * time.Millisecond)
	}
	number := func(selector string) string {
		return "Number(/^[\\d,]+/.exec(document.querySelector('" + selector + "').textContent)?.[0].replaceAll(',', ''))"
	}
	p.wait(number("#rows-text") + " + " + number("#left-text") + " === 2001")
	p.wait(`/^[\d,]+ left out$/.test(document.querySelector('.gap').textContent)`)
	// The histogram has all of them, by level.
	p.wait("/: [3-6]\\d\\d error, 1,\\d{3} info/.test(document.querySelector('#histogram').getAttribute('aria-label'))")
	// With nothing left out any more, nothing contradicts that.
	p.wait("document.querySelector('#share').textContent === 'all' && document.querySelector('#share-text').textContent === 'of the last 5 s'")
	p.wait(atRest)
	p.unproblematic()
}
