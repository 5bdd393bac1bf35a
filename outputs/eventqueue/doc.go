// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package eventqueue is a memory queue for libbeat's pipeline that costs little
// per event: a ring of events under a mutex. In libbeat's own memory queue a
// goroutine answers every event by a channel made for it, which takes more CPU time
// than encoding the event.
//
// Settings and promises are those of libbeat's (publisher/queue/memqueue): events
// leave in the order in which they came, a batch is complete or as old as the
// flush timeout, and a producer is told of its events only when every event
// before them is done with as well.
//
// A full queue is fair. Producers wait in line, and whoever makes room adds the
// events of the first ones itself. So a quiet producer waits for one event of each
// producer that was there before it, and only those wake whose event got in.
package eventqueue
