// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"os"
	"slices"
	"sync"
	"time"
)

// settleTime is how old the last change of a file has to be before another one
// is sure to show in its time.
const settleTime = 2 * time.Second

// reloaded is a value that is loaded from files, and again when they change. If that
// fails, the previous value stays in force.
type reloaded[T any] struct {
	load    func() (T, error)
	names   []string
	onError func(error) // may be nil; called once per change

	mutex  sync.Mutex
	value  T
	states []fileState
}

type fileState struct {
	info  os.FileInfo // nil if there is none
	fresh bool        // it could change without a trace in info
}

// newReloaded loads for the first time.
func newReloaded[T any](names []string, load func() (T, error), onError func(error)) (*reloaded[T], error) {
	r := &reloaded[T]{load: load, names: names, onError: onError}
	r.states = r.look()
	var err error
	r.value, err = load()
	return r, err
}

func (r *reloaded[T]) look() []fileState {
	states := make([]fileState, len(r.names))
	for i, name := range r.names {
		info, err := os.Stat(name)
		if err == nil {
			states[i] = fileState{info: info, fresh: time.Since(info.ModTime()) < settleTime}
		}
	}
	return states
}

// get returns the value of the files as they are.
func (r *reloaded[T]) get() T {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	states := r.look() // before the files are read, so that a later change is one
	if slices.EqualFunc(states, r.states, fileState.same) {
		return r.value
	}
	changed := !slices.EqualFunc(states, r.states, fileState.looksSame)
	r.states = states
	value, err := r.load()
	switch {
	case err == nil:
		r.value = value
	case changed && r.onError != nil:
		r.onError(err)
	}
	return r.value
}

// same reports whether the file is what it was.
func (s fileState) same(before fileState) bool { return !before.fresh && s.looksSame(before) }

func (s fileState) looksSame(before fileState) bool {
	if s.info == nil || before.info == nil {
		return s.info == before.info
	}
	return os.SameFile(s.info, before.info) && s.info.Size() == before.info.Size() && s.info.ModTime().Equal(before.info.ModTime())
}
