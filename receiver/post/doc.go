// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package post receives records as the bodies of HTTP requests: what Fluentd's and
// Fluent Bit's http outputs, Vector's http sink and curl send. Content-Type is the
// format of a body:
//
//	application/json                   objects one after another, or an array
//	application/x-ndjson               one JSON value per line
//	application/x-msgpack              MessagePack: [time, record], or records alone
//	text/csv                           one record per line
//	text/plain                         one record per line
//	application/x-www-form-urlencoded  one record
//
// and Content-Encoding its compression: gzip, deflate (with zlib's header and
// without) or zstd.
//
// A request is answered after Commit: 204 says that all of its records are durable.
// Any other status leaves them with the client, which should send them again after 429
// or 503, as Retry-After says. A body with one bad record is refused as a whole, because
// the client could not tell which records were taken.
//
// A Handler is a listener on a receiver.Intake. Each request is a client of the
// Intake while it is served.
package post
