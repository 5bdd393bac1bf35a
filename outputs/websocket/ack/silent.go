// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package ack

// silent is a strategy that asks the peer for nothing.
type silent struct{}

func (silent) Open() Verdict { return Verdict{} }

func (silent) Ready() bool { return true }

func (silent) Sent(uint64) Verdict { return Verdict{} }

// Heartbeat has an empty payload: any Pong is an answer, since none confirms.
func (silent) Heartbeat() Verdict { return Verdict{Ping: []byte{}} }

func (silent) Pong([]byte) Verdict { return Verdict{} }

func (silent) Message([]byte) (Verdict, error) { return Verdict{}, nil }

func (silent) Note() string { return "" }
