// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package post

import (
	"cmp"
	"errors"
	"net/http"
	"time"

	"filebeat-websocket/receiver/decode"
)

const (
	// DefaultMaxBodyBytes is Options.MaxBodyBytes unless set: 16 MiB. Fluentd sends
	// 8 MiB at once, Vector 10 MB.
	DefaultMaxBodyBytes = 16 << 20

	defaultBodyTimeout = time.Minute
)

// Options configure a Handler. All may be left out.
type Options struct {
	// MaxBodyBytes is the longest body, as it is sent and once inflated; 16 MiB unless
	// set. A longer one is answered with 413.
	MaxBodyBytes int64

	// BodyTimeout is how long a body may take to arrive; a minute unless set. A slower
	// one is answered with 408.
	BodyTimeout time.Duration

	// CSV are the options of text/csv.
	CSV decode.CSVOptions

	// CheckOrigin reports whether the page that sent a request may send it, as
	// access.Guard.Origin does. nil refuses pages of other sites.
	CheckOrigin func(*http.Request) bool

	// Sender, if set, returns the Peer.Sender of a request, as access.Sender does from
	// token and certificate. Without it all clients count as one sender.
	Sender func(*http.Request) string
}

func (o *Options) complete() error {
	if o.MaxBodyBytes < 0 || o.BodyTimeout < 0 {
		return errors.New("options MaxBodyBytes and BodyTimeout can't be negative")
	}
	o.MaxBodyBytes = cmp.Or(o.MaxBodyBytes, DefaultMaxBodyBytes)
	o.BodyTimeout = cmp.Or(o.BodyTimeout, defaultBodyTimeout)
	if o.CheckOrigin == nil {
		protection := http.NewCrossOriginProtection()
		o.CheckOrigin = func(r *http.Request) bool { return protection.Check(r) == nil }
	}
	return nil
}
