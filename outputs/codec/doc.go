// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package codec turns libbeat events into records, one record per event.
//
// One file holds one codec, which registers a Kind in init: its formats, the names
// of the framings that fit it, and its options. Outputs read all of that from the
// Kind; no other file has to be edited to add a codec. An Encoder appends to a
// slice that its caller owns and keeps neither the slice nor the event. An event
// that has no record is a DropError, whose text never contains anything of the event.
// The package starts no goroutine and depends on no output.
//
// libbeat's own outputs can use most of these codecs too, as codec.NAME, and FromLibbeat
// makes Encoders of libbeat's codecs.
//
// Flat formats (gelf, ltsv, form) take their fields from a flattener; binary ones
// (msgpack, forward) write values with msgpackValues. For kinds of values that
// neither of them handles, both use the value that the json codec writes.
//
// The json codec writes what libbeat's own JSON codec writes, several times as
// fast: decoding its record gives the same value. Kinds of values that it
// does not handle itself are folded by the library that libbeat uses, into the same
// slice. It differs on purpose only where libbeat would crash
// (value cycles, types that contain themselves, nil time pointers).
package codec
