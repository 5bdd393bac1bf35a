// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package attack has what hostile clients do to a listener: All lists the attacks, For
// those on one kind of listener, and Attack.Run carries one out until its context ends.
// A Good client sends beside it and measures what it is made to wait.
//
// Run returns an error only for what no listener may do, such as letting a stranger
// in. Whatever else goes wrong on a hostile connection is the listener's defence.
//
// The test of this package attacks the real wsreceiver in a control group of 256 MiB:
//
//	go test ./testing/attack -v                  # each attack for a moment
//	go test ./testing/attack -v -attack.for=30m  # in rotation
package attack
