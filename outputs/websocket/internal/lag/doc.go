// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package lag measures how far confirmations are behind what there is to send: the age
// of the oldest event that was read and is not confirmed, and for each file the bytes
// behind the last event up to which all are confirmed.
//
// A producer of events has a Source, which gives each event a Mark. The mark comes back
// through Settle, in any order, once the event is confirmed or dropped: so events are
// counted, not remembered. What is not in memory per event is looked at four times a second,
// and every 750 ms for files that are settled to their end:
// the time at which the next event was read, and the sizes of the files.
//
// It does not know files of which no event was read yet.
package lag
