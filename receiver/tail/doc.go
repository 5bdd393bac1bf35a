// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package tail is a page that shows records as they arrive at a receiver: an
// http.Handler with everything that a browser needs, and the stream that feeds it.
//
//	live := tail.New(tail.Options{})
//	ingest, err := receiver.New(tail.Tee(live, sink), receiver.Options{
//		Observers: []receiver.Observer{live.Observer()},
//	})
//	...
//	http.Handle("/", live.Handler())
//
// # What it promises
//
// Observe never blocks. It counts all records and copies some of them: without a
// viewer 200 a second, so that a page that opens has something to show; with viewers
// 20,000 a second, which they share. The page shows how many records were left out.
// The Tail parses records on its own goroutine. Searching and encoding run on that of
// the viewer's request, within half a core for all searches together, so a slow search
// delays only its own viewer. A viewer gets at most 200 matching records a second and
// is told how many matched.
//
// Nothing here is durable: a record that is shown was consumed, but it may not be on
// disk yet.
//
// # What it can cost
//
// Observe copies at most 256 KiB of a message and 64 KiB of a record, and at most
// 8 MiB of such copies wait. 500 records, at most 2 MiB, are kept for pages that open.
// At most 4 MiB wait for a viewer, which is disconnected if it does not take them
// within 10 s. There are at most 32 viewers.
//
// # Who may look
//
// If Options.Guard requires a token, page and stream require one too: in the
// Authorization header, or in the sign-in form, which gives the browser a cookie for a
// session that is known only here. A token that is no longer valid ends its sessions.
// Otherwise the Handler answers only requests that name it by an IP address, as
// localhost or as this machine: another site could point a name of its own here and
// read the records through a visitor's browser.
//
// Requests from pages of another origin are refused. What a record holds never
// becomes HTML: the page inserts it as text, and its Content-Security-Policy makes
// browsers with Trusted Types refuse anything else.
//
// # Goroutines
//
// New starts one, hubLoop, which Shutdown ends. The list of viewers and recent
// records belong to it alone. A stream runs on the goroutine of its request, which
// also searches; hubLoop hands it records and never waits for it.
package tail
