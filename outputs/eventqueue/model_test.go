// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package eventqueue

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/elastic/beats/v7/libbeat/publisher/queue"
	"github.com/elastic/beats/v7/libbeat/publisher/queue/memqueue"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const modelProducers = 5

// model is the simplest queue: everything happens at once, and the events that wait
// are a list.
type model struct {
	free    int // places
	longest int // events of a batch
	closing bool
	closed  map[int]bool // producers
	line    []testEvent
	unread  []testEvent
	batches []*modelBatch
	lastID  queue.EntryID
	answers map[testEvent]queue.EntryID // of Publish and TryPublish; 0: false
	acked   map[int]int                 // events, by producer
}

type modelBatch struct {
	events []testEvent
	done   bool
}

func (m *model) publish(e testEvent, wait bool) {
	switch {
	case m.closing || m.closed[e.producer]:
		m.answers[e] = 0
	case m.free > 0:
		m.add(e)
	case wait:
		m.line = append(m.line, e)
	default:
		m.answers[e] = 0
	}
}

func (m *model) add(e testEvent) {
	m.free--
	m.lastID++
	m.answers[e] = m.lastID
	m.unread = append(m.unread, e)
}

func (m *model) refuse(which func(testEvent) bool) {
	for _, e := range m.line {
		if which(e) {
			m.answers[e] = 0
		}
	}
	m.line = slices.DeleteFunc(m.line, which)
}

func (m *model) get(count int) []testEvent {
	count = min(count, m.longest, len(m.unread))
	b := &modelBatch{events: m.unread[:count]}
	m.unread = m.unread[count:]
	m.batches = append(m.batches, b)
	return b.events
}

func (m *model) done(b *modelBatch) {
	b.done = true
	for len(m.batches) > 0 && m.batches[0].done {
		for _, e := range m.batches[0].events {
			m.free++
			m.acked[e.producer]++
		}
		m.batches = m.batches[1:]
	}
	for m.free > 0 && len(m.line) > 0 {
		m.add(m.line[0])
		m.line = m.line[1:]
	}
}

func (m *model) waits(which int) bool {
	return slices.ContainsFunc(m.line, func(e testEvent) bool { return e.producer == which })
}

// system is the queue that is compared with the model, and what it answered.
type system struct {
	queue     *Queue
	producers map[int]queue.Producer
	batches   map[*modelBatch]queue.Batch // not done
	seen      *counts

	mutex   sync.Mutex // of what follows
	answers map[testEvent]queue.EntryID
	acked   map[int]int
}

func (s *system) open(which int) {
	s.producers[which] = s.queue.Producer(queue.ProducerConfig{ACK: func(count int) {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.acked[which] += count
	}})
}

func (s *system) publish(e testEvent, publish func(queue.Entry) (queue.EntryID, bool)) {
	id, ok := publish(e)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if !ok {
		id = 0
	}
	s.answers[e] = id
}

func (s *system) get(m *model, count int) error {
	b, err := s.queue.Get(count)
	if err != nil {
		return err
	}
	want := m.get(count)
	s.batches[m.batches[len(m.batches)-1]] = b
	got := entries(b)
	if len(got) != len(want) {
		return fmt.Errorf("a batch is %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			return fmt.Errorf("a batch is %v, want %v", got, want)
		}
	}
	return nil
}

// differs compares the two once all goroutines wait.
func (s *system) differs(m *model, capacity int) error {
	synctest.Wait()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	switch {
	case !maps.Equal(s.answers, m.answers):
		return fmt.Errorf("producers got %v, want %v", s.answers, m.answers)
	case !maps.Equal(s.acked, m.acked):
		return fmt.Errorf("producers were told of %v events, want %v", s.acked, m.acked)
	case s.seen.most > capacity:
		return fmt.Errorf("there were %d events in a queue of %d", s.seen.most, capacity)
	case s.seen.added-s.seen.removed != capacity-m.free:
		return fmt.Errorf("%d events are counted, want %d", s.seen.added-s.seen.removed, capacity-m.free)
	case s.seen.consumed != int(m.lastID)-len(m.unread):
		return fmt.Errorf("%d consumed events are counted, want %d", s.seen.consumed, int(m.lastID)-len(m.unread))
	}
	select {
	case <-s.queue.Done():
		if !m.closing || m.free < capacity {
			return errors.New("the queue is done too early")
		}
	default:
		if m.closing && m.free == capacity {
			return errors.New("the queue is not done")
		}
	}
	return nil
}

// step is one call.
type step struct {
	what  string
	which int // the producer, the number of events or the batch, by what it is
}

func (s *system) take(m *model, next step, number int) error {
	which := next.which % modelProducers
	e := testEvent{which, number}
	switch next.what {
	case "publish":
		if !m.waits(which) {
			m.publish(e, true)
			go s.publish(e, s.producers[which].Publish)
		}
	case "try to publish":
		if !m.waits(which) {
			m.publish(e, false)
			s.publish(e, s.producers[which].TryPublish)
		}
	case "close a producer":
		m.closed[which] = true
		m.refuse(func(e testEvent) bool { return e.producer == which })
		s.producers[which].Close()
	case "open a producer":
		if m.closed[which] {
			m.closed[which] = false
			s.open(which)
		}
	case "get":
		if len(m.unread) > 0 {
			return s.get(m, next.which+1)
		}
	case "done":
		var open []*modelBatch
		for _, b := range m.batches {
			if !b.done {
				open = append(open, b)
			}
		}
		if len(open) > 0 {
			b := open[next.which%len(open)]
			m.done(b)
			s.batches[b].FreeEntries()
			s.batches[b].Done()
		}
	case "close":
		m.closing = true
		m.refuse(func(testEvent) bool { return true })
		return s.queue.Close()
	}
	return nil
}

// compareWithModel takes steps that end with a closed queue.
func compareWithModel(settings memqueue.Settings, steps []step) error {
	longest := settings.MaxGetRequest
	if longest < 2 {
		longest = (settings.Events + 1) / 2
	}
	m := &model{
		free: settings.Events, longest: longest,
		closed: map[int]bool{}, answers: map[testEvent]queue.EntryID{}, acked: map[int]int{},
	}
	seen := &counts{}
	s := &system{
		queue: New(settings, seen, nil), seen: seen,
		producers: map[int]queue.Producer{}, batches: map[*modelBatch]queue.Batch{},
		answers: map[testEvent]queue.EntryID{}, acked: map[int]int{},
	}
	for which := range modelProducers {
		s.open(which)
	}
	// In the end everything is taken out.
	for range settings.Events {
		steps = append(steps, step{"get", settings.Events})
	}
	for range settings.Events {
		steps = append(steps, step{"done", 0})
	}
	for number, next := range steps {
		err := s.take(m, next, number)
		if err == nil {
			err = s.differs(m, settings.Events)
		}
		if err != nil {
			for _, p := range s.producers {
				p.Close()
			}
			return fmt.Errorf("after step %d, %v: %w", number, steps[:number+1], err)
		}
	}
	return nil
}

func TestQueueDoesWhatItsModelDoes(t *testing.T) {
	what := []string{
		"publish", "get", "publish", "done", "publish", "try to publish", "publish", "close a producer", "open a producer", "publish",
	}
	anyStep := rapid.Custom(func(t *rapid.T) step {
		return step{rapid.SampledFrom(what).Draw(t, "what"), rapid.IntRange(0, 9).Draw(t, "which")}
	})
	rapid.Check(t, func(r *rapid.T) {
		settings := memqueue.Settings{
			Events:        rapid.IntRange(1, 6).Draw(r, "events"),
			MaxGetRequest: rapid.IntRange(0, 6).Draw(r, "flush.min_events"),
		}
		steps := rapid.SliceOfN(anyStep, 50, 200).Draw(r, "steps")
		steps = append(steps, step{"close", 0})
		steps = append(steps, rapid.SliceOfN(anyStep, 0, 20).Draw(r, "steps after the close")...)
		var err error
		synctest.Test(t, func(*testing.T) { err = compareWithModel(settings, steps) })
		require.NoError(r, err)
	})
}
