// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package tail is a page that shows records as they arrive at a receiver, for
// people who would rather look than read: an http.Handler with everything that a
// browser needs, and the stream that feeds it.
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
// Observe never waits for anyone. It counts, copies as many records as the
// viewers are due, and leaves out the rest, which are counted too: without a
// viewer 200 a second, so that a page that opens has something to show;
// with viewers 20,000 a second, which they share. Parsing happens on a goroutine of
// the Tail's own; searching and encoding on that of the viewer's request, within half
// a core for all searches together: a search costs its searcher. A viewer gets 200 records a second at
// most of those that match its query, is told how many matched, and can't hold up
// another.
//
// Nothing here is for keeping: a record that is shown was consumed, which is not
// to say that it is on disk.
//
// # What it can cost
//
// Observe copies 256 KiB of a message and 64 KiB of a record at most, and
// 8 MiB of such copies wait at most. 500 records, and not more than 2 MiB of them, are
// kept for pages that open. A viewer has 4 MiB waiting for it at most, and is cut
// when it does not take them within 10 s. There are 32 viewers at most.
//
// # Who may look
//
// If Options.Guard needs a token, page and stream want a token: in the Authorization
// header, or in the sign-in form, which gives the browser a cookie for a session
// that is known here only. A token that is not valid any more ends its sessions.
// Otherwise the Handler answers only requests that name it by an IP
// address, as localhost or as this machine: a site elsewhere could point a name of
// its own to here and read along with a visitor's browser.
//
// Requests from pages of another origin are refused. What a record holds never
// becomes HTML: the page puts it in as text, and its Content-Security-Policy has
// browsers that know Trusted Types refuse anything else.
//
// # Goroutines
//
// New starts one, hubLoop, which Shutdown ends. The list of viewers and recent
// records belong to it alone. A stream runs on the goroutine of its request, which
// also searches; hubLoop hands it records and never waits for it.
package tail
