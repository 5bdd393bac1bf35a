// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package browser

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// rowWith is a JavaScript expression: the row in sight whose message has that.
func rowWith(text string) string {
	return fmt.Sprintf("[...document.querySelectorAll('.row')].find((row) => row.querySelector('.message').textContent.includes(%q))", text)
}

func TestLinesAppearWithinASecond(t *testing.T) {
	b, s := startBrowser(t), startServer(t)
	t.Log("Chromium", b.version)
	a := dial(t, s.ingest(), "")
	a.send(simple("before anyone looked"))
	p := b.open(t, s.page(), desk)
	p.wait("document.querySelector('#connection').dataset.state === 'live'")
	p.wait(rowWith("before anyone looked"))
	for i := range 5 {
		text := fmt.Sprintf("line number %d", i)
		a.send(record("web-7", "/var/log/shop/orders.log", "warn", text, nil))
		p.waitFor(rowWith(text), time.Second)
	}
	var cells []string
	p.evaluate(&cells, "[..."+rowWith("line number 4")+".children].map((cell) => cell.textContent)")
	require.Len(t, cells, 5)
	require.Regexp(t, `^\d\d:\d\d:\d\d\.\d{3}$`, cells[0])
	require.Equal(t, []string{"warn", "web-7", "/var/log/shop/orders.log", "line number 4"}, cells[1:])

	p.click("#agents-toggle")
	p.wait(`document.querySelector('#agents-rows').innerText.includes('json_lines')`)
	p.wait(`/just now|\d+ s ago/.test(document.querySelector('#agents-rows').innerText)`)
	p.wait(`document.querySelector('#agents-rows tr').cells[5].textContent === '6'`)
	p.wait(`document.querySelector('#agents-rows tr').cells[6].textContent === '0'`)
	p.wait(`/^\d+ ms$/.test(document.querySelector('#agents-rows tr').cells[9].textContent)`)
	a.send(record("web-7", "/var/log/shop/orders.log", "warn", "read long ago", map[string]any{"@timestamp": time.Now().Add(-95 * time.Second)}))
	p.wait(`document.querySelector('#agents-rows tr').cells[9].textContent === '1 min'`)
	p.wait(`document.querySelector('#agents-count').textContent === '1'`)
	require.NoError(t, a.ws.Close())
	p.wait(`document.querySelector('#agents-rows').innerText.includes('closed (1006)')`)
	p.unproblematic()
}

func TestASearchFindsAndMarks(t *testing.T) {
	b, s := startBrowser(t), startServer(t)
	a, p := dial(t, s.ingest(), ""), b.open(t, s.page(), desk)
	p.wait("document.querySelector('#connection').dataset.state === 'live'")
	send := func(round string) {
		a.send(
			record("web-1", "/var/log/a.log", "info", round+" Payment accepted", nil),
			record("web-2", "/var/log/b.log", "error", round+" payment refused: 402", nil),
			record("web-2", "/var/log/b.log", "info", round+" nothing to see", nil),
		)
	}
	shown := func(texts ...string) {
		t.Helper()
		for _, text := range texts {
			p.wait(rowWith(text))
		}
		p.wait(fmt.Sprintf("document.querySelector('#rows-text').textContent === '%d rows'", len(texts)))
	}
	send("1")
	shown("1 Payment accepted", "1 payment refused", "1 nothing")

	p.press("/")
	p.write("PAYMENT")
	shown("1 Payment accepted", "1 payment refused")
	send("2")
	shown("1 Payment accepted", "1 payment refused", "2 Payment accepted", "2 payment refused")
	var marks []string
	p.evaluate(&marks, "[...document.querySelectorAll('.row mark')].map((mark) => mark.textContent)")
	require.Equal(t, []string{"Payment", "payment", "Payment", "payment"}, marks)

	p.press("Control+A")
	p.write("/refused: \\d+$/")
	shown("1 payment refused", "2 payment refused")
	p.evaluate(&marks, "[...document.querySelectorAll('.row mark')].map((mark) => mark.textContent)")
	require.Equal(t, []string{"refused: 402", "refused: 402"}, marks)

	p.press("Control+A")
	p.write("/(/")
	p.wait("!document.querySelector('#search-problem').hidden && document.querySelector('#search-problem').textContent.includes('missing closing )')")
	shown("1 payment refused", "2 payment refused") // the last list stays
	send("3")
	shown("1 payment refused", "2 payment refused", "3 payment refused")
	var kept string
	p.evaluate(&kept, "location.hash")
	require.Equal(t, `#q=%2Frefused%3A+%5Cd%2B%24%2F`, kept)

	p.press("Escape") // leaves the search, and keeps it
	p.wait("document.activeElement.id === 'log' && document.querySelector('#search').value === '/(/'")
	p.press("/", "Delete")
	p.wait("document.querySelector('#search-problem').hidden")
	shown("3 Payment accepted", "3 payment refused", "3 nothing", "1 Payment accepted", "1 payment refused", "1 nothing", "2 Payment accepted", "2 payment refused", "2 nothing")
	p.wait("document.querySelector('.levels [data-level=error]').textContent.trim() === 'Error 3'")

	p.click(`.levels [data-level="error"]`)
	shown("1 payment refused", "2 payment refused", "3 payment refused")
	p.wait("document.querySelector('.levels [data-level=info]').textContent.trim() === 'Info'")
	p.click(`.levels [data-level="error"]`)
	p.wait("[...document.querySelector('#host').options].some((option) => option.value === 'web-1')")
	p.evaluate(nil, "(() => { const host = document.querySelector('#host'); host.value = 'web-1'; host.dispatchEvent(new Event('change')); })()")
	shown("1 Payment accepted", "2 Payment accepted", "3 Payment accepted")
	var hash string
	p.evaluate(&hash, "location.hash")
	require.Equal(t, "#host=web-1", hash, "a view can be bookmarked")
	p.onlyRefused(1)
}

func TestPauseHoldsWhatArrives(t *testing.T) {
	b, s := startBrowser(t), startServer(t)
	a, p := dial(t, s.ingest(), ""), b.open(t, s.page(), desk)
	a.send(simple("first"))
	p.wait(rowWith("first"))
	p.click("#pause")
	p.wait("document.querySelector('#connection-text').textContent === 'Paused'")
	for i := range 7 {
		a.send(simple(fmt.Sprintf("while paused %d", i)))
	}
	p.wait("document.querySelector('#rows-text').textContent === '1 rows, 7 waiting'")
	p.wait("document.querySelector('#pause-text').textContent === 'Resume (7)'")
	var rows int
	p.evaluate(&rows, "document.querySelectorAll('.row').length")
	require.Equal(t, 1, rows)
	p.click("#pause")
	p.wait(rowWith("while paused 6"))
	p.wait("document.querySelector('#rows-text').textContent === '8 rows'")
	p.wait("document.querySelector('#connection-text').textContent === 'Live'")
	p.unproblematic()
}

func TestAClickOpensTheWholeRecord(t *testing.T) {
	b, s := startBrowser(t), startServer(t)
	a, p := dial(t, s.ingest(), ""), b.open(t, s.page(), desk)
	a.send(record("db-1", "/var/log/postgresql.log", "error", "deadlock detected\nDETAIL: two of them", map[string]any{"big": uint64(18446744073709551615)}))
	p.wait(rowWith("deadlock"))
	p.click(`.row .message`)
	p.wait("!document.querySelector('#details').hidden")
	text := p.text("#details")
	require.Contains(t, text, "db-1")
	require.Contains(t, text, "deadlock detected\nDETAIL: two of them", "a message keeps its lines")
	require.Contains(t, text, `"big": 18446744073709551615`, "a number keeps its digits")
	require.Contains(t, text, `"offset": `)
	p.click("#details-close")
	p.wait("document.querySelector('#details').hidden")
	p.unproblematic()
}

func TestWhatARecordHoldsStaysText(t *testing.T) {
	b, s := startBrowser(t), startServer(t)
	a, p := dial(t, s.ingest(), ""), b.open(t, s.page(), desk)
	html := `<script>alert(1)</script><img src=x onerror="alert(2)"><svg onload=alert(3)>&lt;b&gt;</span></div>`
	a.send(record(html, "/var/log/"+html, html, html, map[string]any{html: html}))
	odd := "\x1b[31mred\x1b[0m \x1b]0;title\x07 bell\x07 nul\x00 back\b \u202egnirts\u202c zero\u200bwidth \u0085 \ufeff"
	a.send(record("h\u202eost", "/var/l\u202eog", "info", odd, nil))
	p.wait(rowWith("<script>"))
	p.wait(rowWith("red"))
	var message string
	p.evaluate(&message, rowWith("<script>")+".querySelector('.message').textContent")
	require.Equal(t, html, message)
	p.evaluate(&message, rowWith("red")+".querySelector('.message').textContent")
	require.Equal(t, "red  bell␇ nul␀ back␈ U+202EgnirtsU+202C zeroU+200Bwidth U+0085 U+FEFF", message)
	for _, text := range []string{"<script>", "red"} {
		p.evaluate(nil, rowWith(text)+".click()")
		p.wait("!document.querySelector('#details').hidden")
	}
	p.wait(`document.querySelector('#host').options.length === 3`)
	p.click("#agents-toggle")
	p.wait(`document.querySelector('#agents-rows').rows.length === 1`)
	var made int
	p.evaluate(&made, "document.querySelectorAll('.row script, .row img, .details img, .details script, .agents img, body svg[onload]').length")
	require.Zero(t, made)
	var refused bool
	p.evaluate(&refused, "(() => { try { document.querySelector('#said').innerHTML = '<b>'; return false; } catch { return true; } })()")
	require.True(t, refused, "the policy lets no script make HTML of text")
	var sawControl bool
	p.evaluate(&sawControl, `/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/.test(document.body.innerText.replaceAll('\t', ''))`)
	require.False(t, sawControl)
}

func TestAServerThatStopsIsShownAndFoundAgain(t *testing.T) {
	b, s := startBrowser(t), startServer(t)
	p := b.open(t, s.page(), desk)
	dial(t, s.ingest(), "").send(simple("before the stop"))
	p.wait(rowWith("before the stop"))
	p.unproblematic()
	s.stop()
	p.wait("document.querySelector('#connection').dataset.state === 'lost'")
	require.Contains(t, p.text("#connection"), "reconnecting")
	p.wait("document.querySelector('#said').textContent.includes('reconnecting')")
	s.start()
	p.wait("document.querySelector('#connection').dataset.state === 'live'")
	dial(t, s.ingest(), "").send(simple("after the return"))
	p.wait(rowWith("after the return"))
	p.wait(rowWith("before the stop"))
	var rows []string
	p.evaluate(&rows, "[...document.querySelectorAll('.row')].sort((a, b) => a.index - b.index).map((row) => row.querySelector('.message').textContent)")
	require.Equal(t, []string{"before the stop", "after the return"}, rows)
	p.wait(`/^Server was away from \d\d:\d\d:\d\d to /.test(document.querySelector('.row + .gap')?.textContent)`)
}

func TestSigningInWithAToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	require.NoError(t, os.WriteFile(file, []byte("correct-horse-battery\n"), 0o600))
	b, s := startBrowser(t), startServer(t, "--token-file", file)
	a := dial(t, s.ingest(), "correct-horse-battery")
	p := b.open(t, s.page(), desk)
	require.Contains(t, p.text("body"), "Token")
	p.write("wrong") // the field has the focus
	p.press("Enter")
	p.wait("document.body.innerText.includes('none of the tokens')")
	p.write("correct-horse-battery")
	p.press("Enter")
	p.wait("document.querySelector('#connection')?.dataset.state === 'live'")
	a.send(simple("for those who may look"))
	p.wait(rowWith("for those who may look"))

	var cookies []struct {
		Name, Value, SameSite string
		HTTPOnly              bool `json:"httpOnly"`
	}
	p.do("cookies", &cookies, nil)
	require.Len(t, cookies, 1)
	require.True(t, cookies[0].HTTPOnly)
	require.Equal(t, "Strict", cookies[0].SameSite)
	require.NotContains(t, cookies[0].Value, "horse")

	p.unproblematic()
	p.click("#sign-out button")
	p.wait("document.body.innerText.includes('signed out')")
	p.do("goto", nil, map[string]any{"url": s.page()})
	require.Contains(t, p.text("body"), "Token")
	p.unproblematic()
}

func TestARevokedTokenEndsTheStream(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	require.NoError(t, os.WriteFile(file, []byte("one\nother\n"), 0o600))
	b, s := startBrowser(t), startServer(t, "--token-file", file)
	p := b.open(t, s.page(), desk)
	p.write("one")
	p.press("Enter")
	p.wait("document.querySelector('#connection')?.dataset.state === 'live'")
	require.NoError(t, os.WriteFile(file, []byte("other\n"), 0o600))
	p.wait("Boolean(document.querySelector('#token'))")
}

func TestEverythingCanBeDoneByKeyboard(t *testing.T) {
	b, s := startBrowser(t), startServer(t)
	a, p := dial(t, s.ingest(), ""), b.open(t, s.page(), desk)
	for i := range 60 {
		a.send(record("web-1", "/var/log/app.log", []string{"info", "error"}[i%2], fmt.Sprintf("line %02d", i), nil))
	}
	p.wait(rowWith("line 59"))
	selected := func(text string) {
		t.Helper()
		p.wait(fmt.Sprintf("document.querySelector('.row[aria-selected=true] .message')?.textContent === %q", text))
		p.wait("document.getElementById(document.activeElement.getAttribute('aria-activedescendant')) === document.querySelector('.row[aria-selected=true]')")
	}
	p.press("ArrowUp")
	selected("line 59")
	p.press("ArrowUp", "k", "k")
	selected("line 56")
	p.press("Enter")
	p.wait("document.querySelector('#details-message')?.textContent === 'line 56'")
	p.press("ArrowDown")
	p.wait("document.querySelector('#details-message').textContent === 'line 57'")
	p.press("Home")
	selected("line 00")
	p.wait("document.querySelector('#details-message').textContent === 'line 00'")
	p.press("PageDown", "PageUp", "j")
	selected("line 01")
	p.press("Escape")
	p.wait("document.querySelector('#details').hidden")
	p.press("End")
	p.wait("!document.querySelector('.row[aria-selected=true]') && document.querySelector('#jump').hidden")
	p.press("Space")
	p.wait("document.querySelector('#pause').getAttribute('aria-pressed') === 'true'")
	p.press("p")
	p.wait("document.querySelector('#pause').getAttribute('aria-pressed') === 'false'")
	p.press("1")
	p.wait("document.querySelector('#rows-text').textContent === '30 rows'")
	p.press("1", "/")
	p.wait("document.activeElement.id === 'search'")
	p.write("line 4p ") // no shortcuts there
	p.press("Backspace", "Backspace")
	p.wait("document.querySelector('#rows-text').textContent === '10 rows'")
	p.press("Escape")
	p.wait("document.activeElement.id === 'log' && document.querySelector('#search').value === 'line 4'")
	p.press("/", "Delete")
	p.wait("document.querySelector('#rows-text').textContent === '60 rows'")
	p.press("Escape")
	p.wait("document.activeElement.id === 'log'")
	p.press("v")
	p.wait("!document.querySelector('#view').hidden")
	p.press("Escape", "w")
	p.wait("document.querySelector('#view').hidden && document.querySelector('#list').classList.contains('wrap')")
	p.press("w", "v", "Escape")
	p.evaluate(nil, "document.querySelector('#log').focus()")
	p.press("?")
	p.wait("document.querySelector('#help').open")
	p.press("Escape")
	p.wait("!document.querySelector('#help').open")
	p.press("a")
	p.wait("!document.querySelector('#agents').hidden")
	p.press("Escape", "t")
	p.wait("document.querySelector('#agents').hidden && document.documentElement.dataset.theme === 'light'")
	p.press("t")
	p.wait("document.documentElement.dataset.theme === 'dark' && getComputedStyle(document.body).backgroundColor === 'rgb(11, 14, 18)'")

	// Tab alone reaches every control, and the focus is visible.
	p.evaluate(nil, "document.activeElement.blur()")
	var reached []string
	for range 25 {
		p.press("Tab")
		var name string
		p.evaluate(&name, `(() => { const at = document.activeElement; const style = getComputedStyle(at); return (style.outlineStyle === 'none' ? 'no outline: ' : '') + (at.id || at.dataset.level || at.className || at.tagName); })()`)
		reached = append(reached, name)
	}
	for _, want := range []string{"theme", "help-open", "agents-toggle", "search", "error", "other", "host", "view-toggle", "download", "clear", "pause", "zone", "log"} {
		require.Contains(t, reached, want)
	}
	p.unproblematic()
}
