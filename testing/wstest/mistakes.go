// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package wstest

// Flaw is what a Mistaken does wrong.
type Flaw int

// Flaws, each of which breaks one rule.
const (
	None Flaw = iota
	AnswersWithAWrongKey
	PicksNoSubprotocol
	PicksWhatWasNotOffered
	KeepsTheWindow
	TakesAnyToken
	MasksItsFrames
	SendsEmptyPongs
	AnswersNoPingInside
	AnswersNoPingAtFirst
	AnswersInAnotherOrder
	SendsPongsUnasked
	TakesAnyText
	TakesBareFrames
	EndsWithoutAClose
	CountsFromZero
	CountsNoEmptyMessages
	CountsFragments
	CannotInflate
	CountsPings
	IgnoresBinary
	ConfirmsToTheNewest
	AcksTheDifference
	AcksTheFirstFragment
	WaitsForMore
	AcksEachMessage
	ConfirmsBeforeItStores
	ForgetsAtAKill
	AcksWithText
	AcksInBinary
	RepeatsAcks
	PausesWithANumber
	StoresSlowlyAndSilently
	ClosesOverABadRecord
	ConfirmsWhatItDrops
	NacksTooLate
	CountsFromTwo
	CountsRecordsFromOne
	AsksForBadRecordsAgain
	QuotesTheRecord
	RefusesWholeMessages
	StoresNoneOfABadMessage
	TakesShortMessagesOnly
	CutsLongMessages
	StopsReadingForGood
	ServesOneAtATime
	EndsAllConnections
	GoesOnCounting
	ConfirmsNoDuplicates
	StoresDuplicates
	StoresHalfMessages
	StopsWithAnotherCode
	ChangesTheChunk
	KnowsOneForwardMode
	ConfirmsWithoutAChunk
)

// Mistake is one thing that a receiver does wrong.
type Mistake struct {
	Name string
	Flaw Flaw
	Rule string // of docs/protocol.md, docs/delivery.md or docs/formats.md, which it breaks
	Ack  string // mode in which it does: message, ping or forward
	// Token is what it asks for, if it does.
	Token string
	// Kill is set if it shows when the receiver is killed.
	Kill bool
	// Slow is set if each of many messages takes a second or more.
	Slow bool
}

// Mistakes are receivers with one mistake each.
var Mistakes = []Mistake{
	{Name: "makes Sec-WebSocket-Accept of another key", Flaw: AnswersWithAWrongKey, Rule: "U1", Ack: "message"},
	{Name: "picks no subprotocol", Flaw: PicksNoSubprotocol, Rule: "U2", Ack: "message"},
	{Name: "picks a subprotocol that was not offered", Flaw: PicksWhatWasNotOffered, Rule: "U3", Ack: "ping"},
	{Name: "keeps its window of permessage-deflate", Flaw: KeepsTheWindow, Rule: "U4", Ack: "message"},
	{Name: "does not look at the token", Flaw: TakesAnyToken, Rule: "U5", Ack: "message", Token: "sesame"},
	{Name: "masks its frames", Flaw: MasksItsFrames, Rule: "W1", Ack: "message"},
	{Name: "leaves the payload out of its Pongs", Flaw: SendsEmptyPongs, Rule: "W2", Ack: "message"},
	{Name: "leaves the payload out of its Pongs, with ack: ping", Flaw: SendsEmptyPongs, Rule: "W2", Ack: "ping"},
	{Name: "answers no Ping inside of a message", Flaw: AnswersNoPingInside, Rule: "W3", Ack: "message"},
	{Name: "takes text that is not UTF-8", Flaw: TakesAnyText, Rule: "W4", Ack: "ping"},
	{Name: "takes frames without a mask", Flaw: TakesBareFrames, Rule: "W5", Ack: "message"},
	{Name: "ends without a Close frame", Flaw: EndsWithoutAClose, Rule: "W6", Ack: "message"},
	{Name: "answers no Ping before the first message", Flaw: AnswersNoPingAtFirst, Rule: "P1", Ack: "ping"},
	{Name: "answers Pings in another order", Flaw: AnswersInAnotherOrder, Rule: "P2", Ack: "ping"},
	{Name: "answers Pings before it stores", Flaw: ConfirmsBeforeItStores, Rule: "P3", Ack: "ping"},
	{Name: "answers Pings for records in its memory", Flaw: ForgetsAtAKill, Rule: "P4", Ack: "ping", Kill: true},
	{Name: "sends Pongs that nobody asked for", Flaw: SendsPongsUnasked, Rule: "P5", Ack: "ping"},
	{Name: "counts messages from 0", Flaw: CountsFromZero, Rule: "C1", Ack: "message"},
	{Name: "does not count empty messages", Flaw: CountsNoEmptyMessages, Rule: "C2", Ack: "message"},
	{Name: "counts each fragment", Flaw: CountsFragments, Rule: "C3", Ack: "message"},
	{Name: "agrees to permessage-deflate and does not inflate", Flaw: CannotInflate, Rule: "C4", Ack: "message"},
	{Name: "counts Pings", Flaw: CountsPings, Rule: "C5", Ack: "message"},
	{Name: "ignores binary messages", Flaw: IgnoresBinary, Rule: "C6", Ack: "message"},
	{Name: "confirms to the newest connection", Flaw: ConfirmsToTheNewest, Rule: "C7", Ack: "message"},
	{Name: "acks how many are new", Flaw: AcksTheDifference, Rule: "A1", Ack: "message"},
	{Name: "acks a message at its first fragment", Flaw: AcksTheFirstFragment, Rule: "A2", Ack: "message"},
	{Name: "holds the first ack back for more messages", Flaw: WaitsForMore, Rule: "A3", Ack: "message", Slow: true},
	{Name: "acks each message", Flaw: AcksEachMessage, Rule: "A4", Ack: "message"},
	{Name: "acks before it stores", Flaw: ConfirmsBeforeItStores, Rule: "A5", Ack: "message"},
	{Name: "acks what is in its memory", Flaw: ForgetsAtAKill, Rule: "A6", Ack: "message", Kill: true},
	{Name: "writes the number of an ack as a text", Flaw: AcksWithText, Rule: "A7", Ack: "message"},
	{Name: "acks in binary messages", Flaw: AcksInBinary, Rule: "A7", Ack: "message"},
	{Name: "sends each ack twice", Flaw: RepeatsAcks, Rule: "A8", Ack: "message"},
	{Name: "pauses for a number", Flaw: PausesWithANumber, Rule: "G1", Ack: "message"},
	{Name: "says nothing while it stores", Flaw: StoresSlowlyAndSilently, Rule: "G2", Ack: "message", Slow: true},
	{Name: "closes with 1011 over a bad record", Flaw: ClosesOverABadRecord, Rule: "N1", Ack: "message"},
	{Name: "acks a bad record and drops it", Flaw: ConfirmsWhatItDrops, Rule: "N1", Ack: "message"},
	{Name: "acks before it refuses", Flaw: NacksTooLate, Rule: "N2", Ack: "message"},
	{Name: "refuses the message after the bad one", Flaw: CountsFromTwo, Rule: "N3", Ack: "message"},
	{Name: "asks for bad records again", Flaw: AsksForBadRecordsAgain, Rule: "N4", Ack: "message"},
	{Name: "quotes the record in the reason", Flaw: QuotesTheRecord, Rule: "N5", Ack: "message"},
	{Name: "counts records from 1", Flaw: CountsRecordsFromOne, Rule: "N6", Ack: "message"},
	{Name: "refuses whole messages", Flaw: RefusesWholeMessages, Rule: "N7", Ack: "message"},
	{Name: "stores no record of a message with a bad one", Flaw: StoresNoneOfABadMessage, Rule: "N8", Ack: "message"},
	{Name: "takes messages of half the length only", Flaw: TakesShortMessagesOnly, Rule: "L1", Ack: "message"},
	{Name: "cuts the connection over a long message", Flaw: CutsLongMessages, Rule: "L2", Ack: "message"},
	{Name: "stops reading for good", Flaw: StopsReadingForGood, Rule: "S1", Ack: "message"},
	{Name: "serves one connection at a time", Flaw: ServesOneAtATime, Rule: "S2", Ack: "message"},
	{Name: "ends all connections with one", Flaw: EndsAllConnections, Rule: "S3", Ack: "message"},
	{Name: "goes on counting after a cut", Flaw: GoesOnCounting, Rule: "R1", Ack: "message"},
	{Name: "does not confirm duplicates", Flaw: ConfirmsNoDuplicates, Rule: "R2", Ack: "message"},
	{Name: "stores duplicates", Flaw: StoresDuplicates, Rule: "R3", Ack: "message"},
	{Name: "stores half messages", Flaw: StoresHalfMessages, Rule: "R4", Ack: "message"},
	{Name: "stops with close 1000", Flaw: StopsWithAnotherCode, Rule: "E1", Ack: "message", Kill: true},
	{Name: "changes the chunk", Flaw: ChangesTheChunk, Rule: "F2", Ack: "forward"},
	{Name: "knows one mode of Fluent Forward", Flaw: KnowsOneForwardMode, Rule: "F3", Ack: "forward"},
	{Name: "confirms requests without a chunk", Flaw: ConfirmsWithoutAChunk, Rule: "F4", Ack: "forward"},
}
