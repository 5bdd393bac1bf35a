// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package browser

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	floodPerSecond = 5000
	floodFor       = 30 * time.Second
	clickEvery     = 700 * time.Millisecond
	clickAnswered  = 200 // ms
	heapGrowth     = 4 << 20
	busyShare      = 0.35 // of a processor, by the page's main thread
)

// clickWatch measures from the click, as the browser got it, to the second
// picture after it: by then its effect is on the screen.
const clickWatch = `(() => {
  globalThis.answers = [];
  addEventListener('click', (event) => {
    requestAnimationFrame(() => requestAnimationFrame(() => answers.push(performance.now() - event.timeStamp)));
  }, true);
})()`

func TestFiveThousandEventsASecondLeaveThePageResponsive(t *testing.T) {
	b, s := startBrowser(t), startServer(t)
	// The same clicks in the same page without traffic: the time that they take there
	// is due to the machine.
	quiet := startServer(t)
	idle := b.open(t, quiet.page(), desk)
	dial(t, quiet.ingest(), "").send(slices.Repeat([][]byte{simple("nothing else comes")}, 150)...)
	idle.wait(rowWith("nothing else"))
	idle.evaluate(nil, clickWatch)
	a, p := dial(t, s.ingest(), ""), b.open(t, s.page(), desk)
	p.wait("document.querySelector('#connection').dataset.state === 'live'")
	p.evaluate(nil, clickWatch)
	stop, sent := make(chan struct{}), make(chan int, 1)
	go func() { sent <- a.flood(floodPerSecond, stop) }()

	p.wait("document.querySelector('#rows-text').textContent === '2,000 rows'")
	heap := func() (bytes int) {
		p.do("heap", &bytes, nil)
		return bytes
	}
	heaps := []int{heap()}
	var busyBefore, busyAfter float64
	p.do("busy", &busyBefore, nil)
	clicks := []string{"#pause", "#pause", "#agents-toggle", "#agents-toggle", ".row:nth-child(20) .message", "#details-close", "#jump"}
	click := time.NewTicker(clickEvery)
	defer click.Stop()
	begin := time.Now()
	// Whole turns only, so that whatever was opened or paused is closed or resumed.
	for i := 0; time.Since(begin) < floodFor || i%len(clicks) != 0; i++ {
		<-click.C
		p.click(clicks[i%len(clicks)])
		if i%len(clicks) == len(clicks)-1 {
			heaps = append(heaps, heap())
		}
		idle.click(clicks[i%len(clicks)])
	}
	p.do("busy", &busyAfter, nil)
	busy := (busyAfter - busyBefore) / time.Since(begin).Seconds()
	var events string
	p.evaluate(&events, "document.querySelector('#events').textContent")
	p.wait("/of [45],\\d{3} a second/.test(document.querySelector('#share-text').textContent)")
	var rows, elements int
	p.evaluate(&rows, "document.querySelectorAll('.row').length")
	p.evaluate(&elements, "document.querySelectorAll('*').length")
	close(stop)
	total := <-sent

	var answers, idles []float64
	p.evaluate(&answers, "answers")
	idle.evaluate(&idles, "answers")
	heaps = append(heaps, heap())
	slices.Sort(answers)
	slices.Sort(idles)
	t.Logf("%d events, %s a second at the end; %d clicks, answered after %.0f ms in the middle, %.0f ms nine times in ten, %.0f ms at most; "+
		"where nothing comes: %.0f, %.0f, %.0f ms; main thread busy for %.1f %%; heap in KiB: %v", total, events, len(answers),
		share(answers, 0.5), share(answers, 0.9), share(answers, 1), share(idles, 0.5), share(idles, 0.9), share(idles, 1), 100*busy, kibibytes(heaps))
	require.Greater(t, total, floodPerSecond*int(floodFor/time.Second)*9/10)
	require.Greater(t, len(answers), 15)
	// On a busy machine any click takes long.
	require.LessOrEqual(t, share(answers, 0.5), max(clickAnswered, 2*share(idles, 0.5)))
	require.LessOrEqual(t, share(answers, 0.9), max(clickAnswered, 3*share(idles, 0.9)))
	require.Less(t, busy, busyShare)
	require.LessOrEqual(t, slices.Max(heaps), heaps[0]+heapGrowth)
	require.Less(t, rows, 100, "only what can be seen is in the document")
	require.Less(t, elements, 1000)

	// A search goes through all of it at the server.
	stop = make(chan struct{})
	go func() { sent <- a.flood(floodPerSecond, stop) }()
	p.press("/")
	p.write("needle")
	p.wait("document.querySelector('#rows-text').textContent === '0 rows'")
	dial(t, s.ingest(), "").send(simple("a needle in the haystack"))
	p.waitFor(rowWith("a needle in the haystack"), time.Second)
	p.wait("document.querySelector('#share').textContent === 'all'")
	close(stop)
	<-sent
	p.unproblematic()
}

// share returns the value below which that share of the sorted values lie.
func share(sorted []float64, part float64) float64 {
	return sorted[min(len(sorted)-1, int(part*float64(len(sorted))))]
}

func kibibytes(bytes []int) (sizes []int) {
	for _, b := range bytes {
		sizes = append(sizes, b>>10)
	}
	return sizes
}
