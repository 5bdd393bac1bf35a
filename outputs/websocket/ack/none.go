// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package ack

func init() { Register("none", func() Strategy { return none{} }) }

// none takes a message for confirmed once its last byte was written to the
// socket. What the kernel or the network loses after that is lost.
type none struct{}

func (none) Open() []byte { return nil }

func (none) Ready() bool { return true }

func (none) Sent(through uint64) (uint64, []byte) { return through, nil }

// Heartbeat has an empty payload: any Pong will do, since nothing is confirmed.
func (none) Heartbeat() []byte { return []byte{} }

func (none) Pong([]byte) (uint64, []byte) { return 0, nil }

func (none) Note() string { return "" }
