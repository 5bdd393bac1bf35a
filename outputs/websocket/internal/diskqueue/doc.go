// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package diskqueue makes libbeat's disk queue safe for events with empty keys.
//
// libbeat's disk queue writes an event with an empty key, such as {"": 1}, but its
// decoder refuses to read it, and it then skips the rest of the file, with the
// events of others in it. So such a key is renamed before the event is written.
package diskqueue
