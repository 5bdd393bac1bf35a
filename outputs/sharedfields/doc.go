// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package sharedfields keeps the fields that all events of a file have apart from the
// events: agent, ecs, host, input, and those that the configuration adds. libbeat
// merges them into each event. Most outputs only write them out again.
//
// Support wraps the processing of a Beat. An event whose values are normal already, and
// which nothing but constant fields would be added to, goes into the queue as the input
// made it, with a reference to these fields. All others are processed by libbeat,
// without the step that normalizes values where there is nothing to normalize.
//
// Nothing is kept apart before an output says with Accept that its encoder, which
// has to be called when an event enters the queue, knows what Take returns.
package sharedfields
