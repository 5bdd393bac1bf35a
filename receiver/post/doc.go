// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package post receives records as the bodies of HTTP requests: what Fluentd's and
// Fluent Bit's http outputs, Vector's http sink and curl send. Content-Type says what
// a body is:
//
//	application/json                   objects one after the other, or an array
//	application/x-ndjson               a JSON value a line
//	application/x-msgpack              MessagePack: [time, record], or records alone
//	text/csv                           a record a line
//	text/plain                         a record a line
//	application/x-www-form-urlencoded  one record
//
// and Content-Encoding how it is compressed: gzip, deflate (with zlib's header and
// without) or zstd.
//
// A request is answered after Commit: 204 says that all of its records are durable.
// Any other status says that the client has them: with 429, 503 and Retry-After it
// should send them again. A body that is wrong in one place is refused as a whole, as
// a client could not tell which of its records were taken.
//
// A Handler is a listener on a receiver.Intake. Each request is a client of the
// Intake while it is served.
package post
