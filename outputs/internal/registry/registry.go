// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package registry finds codecs, formats, framings and ack strategies by name. Init
// functions add the entries, so a Registry needs no lock.
package registry

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Registry maps names to entries of one kind.
type Registry[T any] struct {
	kind    string
	entries map[string]T
}

// New returns an empty registry. kind names an entry in errors.
func New[T any](kind string) *Registry[T] {
	return &Registry[T]{kind: kind, entries: map[string]T{}}
}

// Register adds an entry. It is called from init functions and panics if the
// name is taken.
func (r *Registry[T]) Register(name string, entry T) {
	if _, taken := r.entries[name]; taken {
		panic(fmt.Sprintf("%s %q is registered twice", r.kind, name))
	}
	r.entries[name] = entry
}

// Get returns the entry of that name, or an error that lists the known ones.
func (r *Registry[T]) Get(name string) (T, error) {
	entry, known := r.entries[name]
	if !known {
		return entry, fmt.Errorf("unknown %s %q, known are %s", r.kind, name, strings.Join(r.Names(), ", "))
	}
	return entry, nil
}

// Names returns the names of all entries in alphabetical order.
func (r *Registry[T]) Names() []string { return slices.Sorted(maps.Keys(r.entries)) }
