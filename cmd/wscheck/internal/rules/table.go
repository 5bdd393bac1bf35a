// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package rules

const (
	everyMode  = "ping message forward none"
	confirming = "ping message forward"
)

// All are the rules, in the order in which they are checked. A rule without a check is
// watched while the others are checked.
var All = []*Rule{
	{ID: "U1", Level: Must, Title: "The upgrade is answered with 101 and the right Sec-WebSocket-Accept.", Document: protocolDocument, Modes: everyMode, check: checkUpgrade},
	{ID: "U2", Level: Must, Title: "The answer picks filebeat.ack.v1.", Document: protocolDocument, Modes: Message, After: []string{"U1"}, check: checkSubprotocol},
	{ID: "U3", Level: Must, Title: "The answer names no subprotocol and no extension that was not offered.", Document: protocolDocument, Modes: everyMode, After: []string{"U1"}, check: checkUnasked},
	{ID: "U4", Level: Should, Title: "An offer of permessage-deflate is declined, or accepted with server_no_context_takeover.", Document: protocolDocument, Modes: everyMode, After: []string{"U1"}, check: checkDeflateAnswer},
	{ID: "U5", Level: Must, Title: "A request with a wrong token is answered with 401 or 403.", Document: protocolDocument, Modes: everyMode, After: []string{"U1"}, Needs: token, check: checkWrongToken},

	{ID: "F1", Level: Must, Title: "With a shared key, the handshake proves that the server knows it.", Document: formatsDocument, Modes: Forward, After: []string{"U1"}, Needs: secret, check: checkHandshake},
	{ID: "F2", Level: Must, Title: "Each request with a chunk is confirmed with that chunk.", Document: formatsDocument, Modes: Forward, After: []string{"U1", "F1"}, check: checkChunks},
	{ID: "F3", Level: Must, Title: "Requests of every mode are understood.", Document: formatsDocument, Modes: Forward, After: []string{"F2"}, check: checkForwardModes},
	{ID: "F4", Level: Must, Title: "A request without a chunk is not confirmed, nor is one that was not sent.", Document: formatsDocument, Modes: Forward, After: []string{"F2"}, check: checkNoChunk},

	{ID: "P1", Level: Must, Title: "A Ping right behind the upgrade is answered, before there is any data.", Document: deliveryDocument, Modes: Ping, After: []string{"U1"}, check: checkProbe},
	{ID: "C1", Level: Must, Title: "The first message of a connection has the number 1.", Document: protocolDocument, Modes: Message, After: []string{"U1", "U2"}, check: checkFirst},
	{ID: "A1", Level: Must, Title: "Acks are cumulative: the newest one confirms everything before it.", Document: protocolDocument, Modes: Message, After: []string{"U1", "U2", "C1"}, check: checkCumulative},

	{ID: "W2", Level: Must, Title: "Each Ping is answered with a Pong that has its payload.", Document: protocolDocument, Modes: everyMode, After: []string{"U1", "F1", "P1"}, check: checkPongPayload},
	{ID: "W3", Level: Must, Title: "A Ping between the fragments of a message is answered.", Document: protocolDocument, Modes: everyMode, After: []string{"U1", "F1", "P1"}, check: checkInterleaved},
	{ID: "P2", Level: Must, Title: "Pongs come in the order of their Pings, and the last Ping is answered.", Document: deliveryDocument, Modes: Ping, After: []string{"P1"}, check: checkPongOrder},

	{ID: "C2", Level: Must, Title: "An empty message counts.", Document: protocolDocument, Modes: "ping message none", After: started, check: checkEmpty},
	{ID: "C3", Level: Must, Title: "A fragmented message counts once.", Document: protocolDocument, Modes: everyMode, After: started, check: checkFragmented},
	{ID: "C4", Level: Must, Title: "A compressed message counts once.", Document: protocolDocument, Modes: everyMode, After: started, check: checkCompressed},
	{ID: "C5", Level: Must, Title: "Pings and Pongs do not count.", Document: protocolDocument, Modes: Message, After: started, check: checkControlUncounted},
	{ID: "C6", Level: Must, Title: "A message of the other kind, binary or text, counts, or ends the connection.", Document: protocolDocument, Modes: Message, After: started, check: checkOtherKind},
	{ID: "C7", Level: Must, Title: "Each connection has its own numbers, also while another is open.", Document: protocolDocument, Modes: everyMode, After: started, check: checkTwo},

	{ID: "A2", Level: Must, Title: "An ack is never ahead of what was sent.", Document: protocolDocument, Modes: Message, After: append([]string{"C5"}, started...), check: checkNeverAhead},
	{ID: "A3", Level: Should, Title: "An ack does not wait for further messages.", Document: protocolDocument, Modes: Message, After: started, check: checkPrompt},
	{ID: "A4", Level: Should, Title: "Acks are coalesced.", Document: protocolDocument, Modes: Message, After: started, check: checkCoalesced},

	{ID: "N1", Level: Must, Title: "A record that can never be stored is refused for good: with a nack, or with close 1003, 1007 or 1009.", Document: protocolDocument, Modes: "ping message", After: started, check: checkRefused},
	{ID: "N2", Level: Must, Title: "A nack comes before any ack that covers its message.", Document: protocolDocument, Modes: Message, After: started, check: checkNackFirst},
	{ID: "N3", Level: Must, Title: "A nack names its message, and records that are in it.", Document: protocolDocument, Modes: Message, After: started, check: checkNackNumber},
	{ID: "N4", Level: Must, Title: "A nack of a record that can never be stored does not say retry: true.", Document: protocolDocument, Modes: Message, After: started, check: checkNackFinal},
	{ID: "N5", Level: Should, Title: "A nack has a reason, which does not repeat the record.", Document: protocolDocument, Modes: Message, After: started, check: checkNackReason},
	{ID: "N6", Level: Must, Title: "Of a message of many records, exactly the bad ones are refused.", Document: protocolDocument, Modes: Message, After: started, check: checkSingleRecords},
	{ID: "N7", Level: Should, Title: "A nack says which records of its message are bad.", Document: protocolDocument, Modes: Message, After: started, check: checkNackRecords},
	{ID: "N8", Level: Must, Title: "The records that a nack does not refuse are stored.", Document: protocolDocument, Modes: Message, After: started, Needs: store, check: checkRestStored},

	{ID: "L1", Level: Must, Title: "A message of max_message_bytes is taken.", Document: protocolDocument, Modes: everyMode, After: started, check: checkLongest},
	{ID: "W4", Level: Should, Title: "Text that is not UTF-8 ends the connection with 1007, or is refused with a nack.", Document: protocolDocument, Modes: "ping message none", After: started, check: checkUTF8},
	{ID: "W5", Level: Should, Title: "A frame without a mask ends the connection.", Document: protocolDocument, Modes: everyMode, After: started, check: checkUnmasked},
	{ID: "W6", Level: Must, Title: "A Close frame is answered with a Close frame, and then the server closes the TCP connection.", Document: protocolDocument, Modes: everyMode, After: started, check: checkClose},

	{ID: "S1", Level: Must, Title: "A client that reads slowly gets all of its confirmations.", Document: protocolDocument, Modes: confirming, After: started, check: checkSlowReader},
	{ID: "S2", Level: Should, Title: "A client that does not read holds up no other.", Document: protocolDocument, Modes: everyMode, After: append([]string{"C7"}, started...), check: checkOthersServed},
	{ID: "S3", Level: Must, Title: "A connection that breaks off leaves the others alone.", Document: protocolDocument, Modes: everyMode, After: append([]string{"C7"}, started...), check: checkOthersLive},

	{ID: "R1", Level: Must, Title: "After a connection is cut, a new one begins at 1, and what is sent again is confirmed.", Document: protocolDocument, Modes: everyMode, After: started, check: checkReconnect},
	{ID: "R2", Level: Must, Title: "A record that was stored already is confirmed again.", Document: protocolDocument, Modes: everyMode, After: started, check: checkResent},
	{ID: "R3", Level: Should, Title: "A record whose id is stored already is not stored again.", Document: protocolDocument, Modes: everyMode, After: started, Needs: store, check: checkOnce},
	{ID: "R4", Level: Must, Title: "Half a message is not stored.", Document: protocolDocument, Modes: everyMode, After: started, Needs: store, check: checkHalf},
	{ID: "L2", Level: Must, Title: "A message that is too long is refused with close 1009, or with a nack.", Document: protocolDocument, Modes: everyMode, After: started, check: checkTooLong},

	{ID: "A5", Level: Must, Title: "What is acked is stored.", Document: protocolDocument, Modes: "message forward", After: started, Needs: store, check: checkStored},
	{ID: "P3", Level: Must, Title: "A Pong comes after everything before its Ping is stored.", Document: deliveryDocument, Modes: Ping, After: started, Needs: store, check: checkStored},
	{ID: "D1", Level: Should, Title: "What is written before a close handshake is stored.", Document: deliveryDocument, Modes: None, After: started, Needs: store, check: checkWrittenStored},
	{ID: "A6", Level: Must, Title: "What is acked is still there after the receiver was killed.", Document: protocolDocument, Modes: "message forward", After: started, Needs: kill, check: checkKilled},
	{ID: "P4", Level: Must, Title: "What a Pong confirms is still there after the receiver was killed.", Document: deliveryDocument, Modes: Ping, After: started, Needs: kill, check: checkKilled},

	{ID: "W1", Level: Must, Title: "Every frame of the server is one that RFC 6455 allows.", Document: protocolDocument, Modes: everyMode},
	{ID: "A7", Level: Must, Title: "A reply is a JSON object in a text message, with values of the right kind.", Document: protocolDocument, Modes: Message},
	{ID: "A8", Level: Should, Title: "The numbers of acks rise.", Document: protocolDocument, Modes: Message, After: []string{"A1", "C7"}},
	{ID: "G1", Level: Must, Title: "progress is true, and pause is a text with a unit.", Document: protocolDocument, Modes: Message},
	{ID: "G2", Level: Should, Title: "While a message waits, progress comes about every 5 seconds.", Document: protocolDocument, Modes: Message},
	{ID: "P5", Level: Should, Title: "No Pong comes without a Ping.", Document: deliveryDocument, Modes: Ping},
	{ID: "E1", Level: Should, Title: "A server that stops closes with 1001 or 1012, behind the last confirmation.", Document: protocolDocument, Modes: everyMode},
}

// started are the rules without which nothing else can be tried.
var started = []string{"U1", "U2", "F1", "F2", "P1", "P2", "C1", "A1"}
