// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"math/rand/v2"
	"net"
	"slices"
	"time"
)

// Addresses remembers which addresses of a name have failed, so that the next attempt
// begins with another one. An address that accepts connections and does nothing else
// would otherwise keep the others from being tried.
//
// One goroutine at a time may use it.
type Addresses struct {
	failed  map[string]time.Time // host and port: when it failed last
	current string               // the address that was dialled last and connected
}

// failureMemory is how long an address that failed is tried after the others.
const failureMemory = 10 * time.Minute

// leastShare is the minimum time for an address that is not the last one, as in
// net.Dialer.
const leastShare = 2 * time.Second

// Failed says that the connection that was dialled last came to nothing.
func (a *Addresses) Failed() { a.blame(a.current) }

// Reached says that the connection that was dialled last is of use.
func (a *Addresses) Reached() { delete(a.failed, a.current) }

func (a *Addresses) blame(address string) {
	if address == "" {
		return
	}
	if a.failed == nil {
		a.failed = map[string]time.Time{}
	}
	a.failed[address] = time.Now()
}

// order returns addresses in the order in which to try them: those that have not failed,
// shuffled, and then the others, the one that failed first in front.
func (a *Addresses) order(addresses []string) []string {
	now := time.Now()
	for address, failed := range a.failed {
		if now.Sub(failed) >= failureMemory {
			delete(a.failed, address)
		}
	}
	ordered := slices.Clone(addresses)
	rand.Shuffle(len(ordered), func(i, j int) { ordered[i], ordered[j] = ordered[j], ordered[i] })
	slices.SortStableFunc(ordered, func(one, other string) int { return a.failed[one].Compare(a.failed[other]) })
	return ordered
}

// each dials one address after the other until one connects. Each gets an equal share of
// the time that is left. The error is that of the first one.
func (a *Addresses) each(ctx context.Context, addresses []string, dial func(ctx context.Context, address string) error) (first error) {
	a.current = ""
	for i, address := range a.order(addresses) {
		shared, cancel := share(ctx, len(addresses)-i)
		err := dial(shared, address)
		cancel()
		if err == nil {
			a.current = address
			return nil
		}
		if !isSilentProxy(err) {
			a.blame(address)
		}
		if first == nil {
			first = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return first
}

// share returns a context for one of several addresses that are left to try.
func share(ctx context.Context, left int) (context.Context, context.CancelFunc) {
	deadline, limited := ctx.Deadline()
	if !limited || left == 1 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, max(time.Until(deadline)/time.Duration(left), leastShare))
}

// resolve returns the addresses of a host and port.
func (o *Options) resolve(ctx context.Context, address string) ([]string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	lookup := o.Resolve
	if lookup == nil {
		lookup = net.DefaultResolver.LookupHost
	}
	found, err := lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	addresses := make([]string, len(found))
	for i, ip := range found {
		addresses[i] = net.JoinHostPort(ip, port)
	}
	return addresses, nil
}

// dialTCP resolves a name and dials its addresses, and reports both as steps.
func (o *Options) dialTCP(steps *progress) dialFunc {
	dial := o.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	return func(ctx context.Context, network, address string) (c net.Conn, err error) {
		following := steps.next
		host, _, _ := net.SplitHostPort(address)
		steps.current, steps.next = "resolve "+host, ""
		found, err := o.resolve(ctx, address)
		if err != nil {
			return nil, err
		}
		steps.done(listed(found))
		steps.current, steps.next = "dial "+address, following
		err = o.Addresses.each(ctx, found, func(ctx context.Context, address string) (err error) {
			c, err = dial(ctx, network, address)
			return err
		})
		if err != nil {
			return nil, err
		}
		steps.done(o.Addresses.current)
		return c, nil
	}
}
