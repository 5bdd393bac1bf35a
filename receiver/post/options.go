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

	// CSV is for text/csv.
	CSV decode.CSVOptions

	// CheckOrigin reports whether a request may come from the page that sent it, such as
	// access.Guard.Origin does. nil refuses pages of other sites.
	CheckOrigin func(*http.Request) bool

	// Sender, where set, says for Peer.Sender who sends a request, such as
	// access.Sender does by token and certificate. Without it all clients are one.
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
