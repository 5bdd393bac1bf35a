// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package eventqueue is a memory queue for libbeat's pipeline that costs little
// per event: a ring of events under a mutex. In libbeat's own memory queue a
// goroutine answers every event by a channel made for it, which takes more CPU time
// than encoding the event.
//
// Settings and promises are those of libbeat's (publisher/queue/memqueue): events leave
// in the order in which they came, a batch is complete or as old as the flush timeout,
// and a producer is told about its events only when every event before them is done
// too.
//
// A full queue is fair. Producers wait in line, and the goroutine that makes room adds
// the events of the first ones. So a quiet producer waits for one event of each producer
// ahead of it, and a producer wakes only when its event is in the queue.
package eventqueue
