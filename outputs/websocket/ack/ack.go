// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package ack

import (
	"fmt"
	"slices"
	"strings"
)

// Strategy decides when messages are confirmed. The messages of a connection
// are numbered 1, 2, 3, ... in the order in which they are written.
//
// A method that returns a number confirms every message up to it; numbers never
// fall, and 0 confirms nothing. A method that returns a payload asks for a Ping
// with it (RFC 6455 5.5.2); nil asks for none. The caller writes that Ping
// before it writes anything else and before it calls the strategy again.
type Strategy interface {
	// Open is called once, right after the upgrade.
	Open() (ping []byte)

	// Ready reports whether the strategy knows enough of the peer for messages
	// to be sent.
	Ready() bool

	// Sent tells that every message up to number through has been written, and
	// that a batch ends there.
	Sent(through uint64) (confirmed uint64, ping []byte)

	// Heartbeat asks for the payload of a Ping whose only purpose is an answer.
	Heartbeat() (ping []byte)

	// Pong takes the payload of a Pong that came in. It does not keep it.
	Pong(payload []byte) (confirmed uint64, ping []byte)

	// Note returns a sentence about the peer that an operator should see once a
	// connection, empty if there is none. It is asked for once Ready holds.
	Note() string
}

var registry = map[string]func() Strategy{}

// Register makes a strategy known under the name that `ack:` takes. newStrategy
// makes one for each connection. It is called from init functions and panics if
// the name is taken.
func Register(name string, newStrategy func() Strategy) {
	if _, exists := registry[name]; exists {
		panic(fmt.Sprintf("ack strategy %q is registered twice", name))
	}
	registry[name] = newStrategy
}

// Get returns the constructor of the strategy of that name, or an error that
// lists the known ones.
func Get(name string) (func() Strategy, error) {
	newStrategy, ok := registry[name]
	if !ok {
		return nil, fmt.Errorf("unknown ack %q, known are %s", name, strings.Join(Names(), ", "))
	}
	return newStrategy, nil
}

// Names returns the names of all strategies in alphabetical order.
func Names() []string {
	names := make([]string, 0, len(registry))
	for name := range registry {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
