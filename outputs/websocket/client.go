// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/outputs"
	"github.com/elastic/beats/v7/libbeat/publisher"
	"github.com/elastic/beats/v7/libbeat/publisher/queue"
	"github.com/elastic/elastic-agent-libs/logp"
	"github.com/elastic/elastic-agent-libs/monitoring"

	"filebeat-websocket/outputs/websocket/ack"
	"filebeat-websocket/outputs/websocket/internal/conn"
	"filebeat-websocket/outputs/websocket/internal/deadletter"
	"filebeat-websocket/outputs/websocket/internal/lag"
	"filebeat-websocket/outputs/websocket/internal/retry"
	"filebeat-websocket/outputs/websocket/internal/selftest"
	"filebeat-websocket/outputs/websocket/internal/session"
	"filebeat-websocket/outputs/websocket/internal/trust"
)

// shared is what all clients of an output have in common. Its fields are set at
// the start; those that change after that have locks of their own.
type shared struct {
	config    *config
	header    http.Header
	format    *wireFormat
	ack       ack.Type
	handshake *ack.Handshake // nil: none
	encoders  queue.EncoderFactory
	observer  outputs.Observer
	registry  *monitoring.Registry // the output's own metrics
	stats     *stats
	lag       *lag.Tracker // nil: not measured
	watchLag  sync.Once    // looks at files from the first connect on
	refusals  refusals
	hosts     trust.Hosts
	letters   *deadletter.File // nil: not configured
	log       *logp.Logger
	lifecycle *lifecycle

	resolve   func(ctx context.Context, host string) ([]string, error) // nil: the system's resolver
	cleartext sync.Once                                                // logs the warning about credentials without encryption
	plain     sync.Map                                                 // hosts with which compression cannot be agreed on
	selfTest  selftest.Progress
}

// client is one connection to one host. One goroutine of the pipeline calls
// Connect and Publish, another one calls Close. With ttl, a goroutine of the
// client may replace the session between these calls.
type client struct {
	*shared
	endpoint  *url.URL      // without the user
	user      *url.Userinfo // of the URL, nil if it names none
	host      *trust.Host
	limiter   *retry.Limiter // of the log
	addresses conn.Addresses // of the host's, or the proxy's; guarded by useMutex
	encoder   queue.Encoder  // for events that did not come through an encoding queue

	useMutex  sync.Mutex // guards the use of the session: held while it is made, replaced or published to
	mutex     sync.Mutex
	session   *session.Session // nil before the first Connect
	refused   int              // batches in a row of which something was refused for now
	heldUntil time.Time        // nothing is sent before, after such a batch

	proven atomic.Bool // a batch was confirmed since TakeProof was called
}

func newClient(s *shared, endpoint *url.URL, limiter *retry.Limiter) *client {
	address := *endpoint
	address.User = nil
	c := &client{shared: s, endpoint: &address, user: endpoint.User, host: s.hosts.Get(endpoint.Host), limiter: limiter, encoder: s.encoders()}
	c.warnOfCleartext()
	s.lifecycle.onClose(c.end)
	s.selfTest.Expect()
	return c
}

// Connect implements outputs.Connectable: it dials, upgrades, and waits until
// the server is known to answer. Close interrupts it.
func (c *client) Connect() error {
	c.useMutex.Lock()
	defer c.useMutex.Unlock()
	if c.lag != nil {
		c.watchLag.Do(func() { c.lifecycle.run(c.lag.Run) })
	}
	return c.connect()
}

func (c *client) connect() error {
	replaces := c.retire()
	connection, err := c.dial(nil)
	if err != nil {
		c.stats.failed.Inc()
		return err
	}
	opened, err := c.open(connection, c.newStrategy(), c.sessionOptions())
	if err != nil {
		c.addresses.Failed()
		c.stats.failed.Inc()
		return err
	}
	c.addresses.Reached()
	c.stats.connected(replaces)
	if !c.adopt(opened) {
		opened.Close(canceled)
		return session.ErrClosed
	}
	if c.limiter.Recovered() {
		c.log.Infof("Connected to %v (%v%s)", displayURL(c.endpoint), connection.RemoteAddr(), agreed(connection))
	}
	if note := opened.Note(); note != "" {
		c.logSeldom(c.log.Warn, fmt.Sprintf("%v: %s", displayURL(c.endpoint), note))
	}
	return nil
}

// canceled is the context for a Close that does not wait.
var canceled = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// adopt makes opened the current session, unless the closing has begun: end may
// have looked for a session before this one was there, and would leave it open.
// Both look under the mutex, so one of them sees the other.
func (c *client) adopt(opened *session.Session) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.lifecycle.closing() {
		return false
	}
	c.session = opened
	if wait := time.Until(c.heldUntil); wait > 0 {
		opened.Pause(wait)
	}
	c.replaceLater(opened)
	return true
}

// retire closes the previous session, if there is one, and waits for its
// goroutines. It reports whether there was one.
func (c *client) retire() bool {
	old := c.current()
	if old == nil {
		return false
	}
	old.Close(canceled)
	return true
}

func (c *client) current() *session.Session {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.session
}

// end closes the session when the output ends. It waits until ctx is done at most.
func (c *client) end(ctx context.Context) {
	if current := c.current(); current != nil {
		current.Close(ctx)
	}
}

// ended counts the end of a connection and logs it.
func (c *client) ended(cause error) {
	c.stats.disconnected(cause)
	if errors.Is(cause, session.ErrClosed) {
		c.logSeldom(c.log.Info, fmt.Sprintf("Connection to %v closed", displayURL(c.endpoint)))
		return
	}
	c.logSeldom(c.log.Warn, fmt.Sprintf("Connection to %v ended: %v", displayURL(c.endpoint), cause))
}

// logSeldom logs a line that may come with every connection, unless it was logged a
// moment ago.
func (c *client) logSeldom(log func(...any), text string) {
	if note, worth := c.limiter.Worth(text); worth {
		log(text + note)
	}
}

// Publish implements outputs.Client. It returns once the batch is written; the
// batch is signalled when it is confirmed or lost. If it returns an error, the
// connection is dead, and the batch was signalled or is about to be.
func (c *client) Publish(_ context.Context, batch publisher.Batch) error {
	c.useMutex.Lock()
	defer c.useMutex.Unlock()
	d := newDelivery(c, batch)
	current, err := c.usable()
	if err != nil {
		d.cancel()
		return err
	}
	return d.send(current)
}

// usable returns the current session, or why it cannot be used.
func (c *client) usable() (*session.Session, error) {
	current := c.current()
	if current == nil {
		return nil, retry.ErrNotConnected
	}
	if err := current.Err(); err != nil {
		return nil, err
	}
	return current, nil
}

// TakeProof reports whether a batch was confirmed since it was last called.
func (c *client) TakeProof() bool { return c.proven.Swap(false) }

// Close implements outputs.Client. It ends all clients of the output and
// returns when that is done, at most twice close_timeout and a second later. It may
// be called at any time, and more than once.
func (c *client) Close() error {
	c.lifecycle.Close()
	return nil
}

// String implements outputs.Client. It contains no secret.
func (c *client) String() string {
	return fmt.Sprintf("%s(%s)", outputName, displayURL(c.endpoint))
}

var errUsedUp = errors.New("sent more often than retry_limit allows without being confirmed")

// usedUp reports whether a record was lost more often than retry_limit allows.
// Without drop_after_retry_limit that is left to libbeat's pipeline.
func (c *client) usedUp(r *record) bool {
	return c.config.DropAfterRetryLimit && c.config.RetryLimit >= 0 && r.attempts > c.config.RetryLimit
}

// drop counts and logs dropped events, and writes them to the dead letter file.
func (c *client) drop(dropped []*record) {
	if len(dropped) == 0 {
		return
	}
	c.stats.drop(dropped)
	if c.letters == nil {
		return
	}
	now := time.Now()
	for _, r := range dropped {
		c.letters.Put(r.letter(), now)
	}
}

// upgradeHeader returns the header of every upgrade request, without credentials.
func upgradeHeader(c *config, info beat.Info) http.Header {
	header := http.Header{}
	for name, value := range c.Headers {
		header.Set(name, value)
	}
	if c.Origin != "" {
		header.Set("Origin", c.Origin)
	}
	if c.HostHeader != "" {
		header.Set("Host", c.HostHeader)
	}
	switch {
	case c.UserAgent != "":
		header.Set("User-Agent", c.UserAgent)
	case header.Get("User-Agent") == "":
		header.Set("User-Agent", info.UserAgent)
	}
	return header
}

var _ outputs.NetworkClient = (*client)(nil)
