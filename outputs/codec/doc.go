// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package codec turns libbeat events into records, one record per event.
//
// One file holds one codec, which registers itself by name in init; nothing
// else has to be edited to add one. An Encoder appends to a slice that its
// caller owns and keeps neither the slice nor the event. What can't be
// expressed comes back as a DropError, whose text never holds anything of the
// event. The package knows nothing of connections, messages or framings, and
// starts no goroutine.
//
// libbeat's own outputs know most of the codecs too, as codec.NAME, and the
// codecs of libbeat are Encoders by way of FromLibbeat.
//
// Flat formats (gelf, ltsv, form) take their fields from a flattener, binary ones
// (msgpack, forward) write values with msgpackValues. Both give a kind that they
// have no code of their own for the value that the json codec gives it.
//
// The json codec writes what libbeat's own JSON codec writes, several times as
// fast: decoding its record gives the same value. Value kinds that it has no
// code of its own for are folded by the library that libbeat uses, into the same
// slice. It differs on purpose only where libbeat would take the process down
// (value cycles, types that contain themselves, nil time pointers).
package codec
