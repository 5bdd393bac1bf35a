// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package wstest is a WebSocket server for tests of clients: it counts
// the sequence numbers that arrive, so that a test can tell lost records from
// duplicate ones, and misbehaves connection by connection as a script says.
//
//	srv := wstest.Start(t, wstest.WithFaults(
//		wstest.Fault{DropAtMessage: 3}, // connection 1: RST after its third message
//	)) // every later connection is healthy
//	// ... point the client at srv.URL() and send records that hold seq=1, seq=2, ...
//	require.NoError(t, srv.Wait(ctx, func(c wstest.Counts) bool { return c.Unique >= 1000 }))
//	require.Empty(t, srv.Missing(1, 1000))
//
// A record's number is the digits after the bytes "seq=", wherever they stand
// in a message and as often as they do. A message is counted before anything
// that was read after it is answered: once a Pong is out, Counts and Records
// hold every message before its Ping.
//
// The server reads and writes frames itself (RFC 6455 section 5), because most
// faults are frames and bytes that a WebSocket library refuses to send. It is
// strict with the client: an unmasked frame, a reserved bit, a text message
// that is not UTF-8 and the like end the connection with 1002 or 1007, are
// listed by [Server.Violations] and fail the test at its end unless
// [AllowViolations] is given. A client that vanishes in the middle of a frame
// does not violate it.
//
// With WithSubprotocols(protocol.Subprotocol) clients that offer filebeat.ack.v1
// get its acks. A message is counted before it is acked, and [ConnInfo].Acked
// tells how far that went.
//
// # Goroutines
//
// One accepts (acceptLoop); each connection has a reader (serve), which also
// answers Pings and acks messages, and, only where the script asks for it,
// pongLoop for delayed Pongs, ackLoop for delayed acks and progress, and one for
// each flood and each huge or endless message. Stop, Kill and the test's Cleanup
// end them all and wait for them.
package wstest
