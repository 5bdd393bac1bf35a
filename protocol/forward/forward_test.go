// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tinylib/msgp/msgp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What the vectors below come from:
//
//	import hashlib, base64, msgpack
//	salt = bytes(range(16)); nonce = bytes(range(16, 32)); auth = bytes(range(32, 48)); key = b"s3cret"
//	print(hashlib.sha512(salt + b"agent-1" + nonce + key).hexdigest())
//	print(hashlib.sha512(salt + b"server-1" + nonce + key).hexdigest())
//	print(hashlib.sha512(auth + b"alice" + b"pa55word").hexdigest())
//	print(msgpack.packb(["HELO", {"nonce": nonce, "auth": auth, "keepalive": True}]).hex())
//	print(msgpack.packb(["PING", "agent-1", salt_as_str, "d1", "alice", "d2"]).hex())
//	print(msgpack.packb(["PONG", False, "no", "server-1", "d3"]).hex())
//	print(msgpack.packb({"ack": "Zm9v"}).hex())
//	print(base64.b64encode(hashlib.sha512(b"entries").digest()[:16]).decode())
const (
	agentDigest    = "2519da375926a105f0e6c6b5a3413d8401563be06b945772007fe94337423f7dcfd34b91118bc89a4df634180859965ef853de2055ab3fcf46e3a03c60c40e11"
	serverDigest   = "5d4a2efaaef716b33fd52fa8f66d3a453bd5d5dbc96efa2ea3ce7fefd1ae360b897081815c8a235559ab738317819dace2527b6d41d51a6b01b3e94c8e00b118"
	passwordDigest = "beb1744237e0ed7bc83b2a953f694e162b48a67eaa21e1e8f3968081f3f5c73032c85f1b05bcc51e2d0d29b39dfdf2510f2f79a3cf0cdd5a1c62074680134309"
	heloBytes      = "92a448454c4f83a56e6f6e6365c410101112131415161718191a1b1c1d1e1fa461757468c410202122232425262728292a2b2c2d2e2fa96b656570616c697665c3"
	pingBytes      = "96a450494e47a76167656e742d31b0000102030405060708090a0b0c0d0e0fa26431a5616c696365a26432"
	pongBytes      = "95a4504f4e47c2a26e6fa87365727665722d31a26433"
	ackBytes       = "81a361636ba45a6d3976"
	chunkID        = "PfKBU1CChpDMZxT6CKFOug=="
)

// numbered returns 16 bytes that rise from first on.
func numbered(first byte) []byte {
	b := make([]byte, 16)
	for i := range b {
		b[i] = first + byte(i)
	}
	return b
}

var (
	aHelo = Helo{Nonce: numbered(16), Auth: numbered(32), Keepalive: true}
	aPing = Ping{Hostname: "agent-1", Salt: numbered(0), KeyDigest: "d1", Username: "alice", PasswordDigest: "d2"}
	aPong = Pong{Reason: "no", Hostname: "server-1", KeyDigest: "d3"}
)

func TestDigestsAreThoseOfAnotherProgram(t *testing.T) {
	require.Equal(t, agentDigest, KeyDigest(numbered(0), "agent-1", numbered(16), "s3cret"))
	require.Equal(t, serverDigest, KeyDigest(numbered(0), "server-1", numbered(16), "s3cret"))
	require.Equal(t, passwordDigest, PasswordDigest(numbered(32), "alice", "pa55word"))
	require.Equal(t, chunkID, Chunk([]byte("entries")))
	require.Equal(t, chunkID, string(AppendChunk(nil, nil, []byte("ent"), nil, []byte("ries"))))
	require.Equal(t, chunkID, string(AppendChunk(nil, []byte("ent"), []byte("ries"))))
	require.Len(t, chunkID, ChunkBytes)
}

func TestMessagesAreThoseOfAnotherProgram(t *testing.T) {
	for want, got := range map[string][]byte{
		heloBytes: AppendHelo(nil, aHelo),
		pingBytes: AppendPing(nil, aPing),
		pongBytes: AppendPong(nil, aPong),
		ackBytes:  AppendAck(nil, "Zm9v"),
	} {
		require.Equal(t, want, hex.EncodeToString(got))
	}
	require.Equal(t, "there"+string(AppendAck(nil, "x")), string(AppendAck([]byte("there"), "x")))
}

func fromHex(t testing.TB, digits string) []byte {
	t.Helper()
	message, err := hex.DecodeString(digits)
	require.NoError(t, err)
	return message
}

func TestMessagesAreReadBack(t *testing.T) {
	h, err := ParseHelo(fromHex(t, heloBytes))
	require.NoError(t, err)
	require.Equal(t, aHelo, h)
	p, err := ParsePing(fromHex(t, pingBytes))
	require.NoError(t, err)
	require.Equal(t, aPing, p)
	q, err := ParsePong(fromHex(t, pongBytes))
	require.NoError(t, err)
	require.Equal(t, aPong, q)
	chunk, err := ParseAck(fromHex(t, ackBytes))
	require.NoError(t, err)
	require.Equal(t, "Zm9v", chunk)
}

// array returns an array of what the functions append.
func array(elements ...func([]byte) []byte) []byte {
	b := msgp.AppendArrayHeader(nil, uint32(len(elements)))
	for _, element := range elements {
		b = element(b)
	}
	return b
}

func text(s string) func([]byte) []byte {
	return func(b []byte) []byte { return msgp.AppendString(b, s) }
}

func binary(s string) func([]byte) []byte {
	return func(b []byte) []byte { return msgp.AppendBytes(b, []byte(s)) }
}

func boolean(v bool) func([]byte) []byte {
	return func(b []byte) []byte { return msgp.AppendBool(b, v) }
}

func object(keysAndValues ...func([]byte) []byte) func([]byte) []byte {
	return func(b []byte) []byte {
		b = msgp.AppendMapHeader(b, uint32(len(keysAndValues)/2))
		for _, element := range keysAndValues {
			b = element(b)
		}
		return b
	}
}

func TestHelo(t *testing.T) {
	for name, test := range map[string]struct {
		message []byte
		want    Helo
	}{
		"str in the place of bin": {
			array(text("HELO"), object(text("nonce"), text("n"), text("auth"), text("a"), text("keepalive"), boolean(false))),
			Helo{Nonce: []byte("n"), Auth: []byte("a")},
		},
		"the name and the keys as bin": {
			array(binary("HELO"), object(binary("nonce"), binary("n"))),
			Helo{Nonce: []byte("n"), Auth: []byte{}, Keepalive: true},
		},
		"no user, and keys that nobody knows": {
			array(text("HELO"), object(text("x"), object(text("y"), boolean(true)), text("nonce"), binary("n"), text("auth"), msgp.AppendNil)),
			Helo{Nonce: []byte("n"), Auth: []byte{}, Keepalive: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := ParseHelo(test.message)
			require.NoError(t, err)
			require.Equal(t, string(test.want.Nonce), string(h.Nonce))
			require.Equal(t, string(test.want.Auth), string(h.Auth))
			require.Equal(t, test.want.Keepalive, h.Keepalive)
		})
	}
}

func TestPong(t *testing.T) {
	for name, test := range map[string]struct {
		message []byte
		want    Pong
	}{
		"a refusal without the server's part": {array(text("PONG"), boolean(false), text("shared_key mismatch")), Pong{Reason: "shared_key mismatch"}},
		"a refusal with nil for it":           {array(text("PONG"), boolean(false), text("no"), msgp.AppendNil, msgp.AppendNil), Pong{Reason: "no"}},
		"a reason of nil":                     {array(text("PONG"), boolean(true), msgp.AppendNil, binary("s"), binary("d")), Pong{OK: true, Hostname: "s", KeyDigest: "d"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := ParsePong(test.message)
			require.NoError(t, err)
			require.Equal(t, test.want, p)
		})
	}
}

func TestAckPassesOverOtherKeysAndTakesBin(t *testing.T) {
	message := object(text("took"), object(text("ms"), boolean(true)), binary("ack"), binary("YWJj"))(nil)
	chunk, err := ParseAck(message)
	require.NoError(t, err)
	require.Equal(t, "YWJj", chunk)
}

func TestWhatIsNoSuchMessageIsAnError(t *testing.T) {
	long := strings.Repeat("x", MaxTextBytes+1)
	messages := map[string][]byte{
		"nothing":                           nil,
		"nil, a heartbeat":                  {0xC0},
		"text":                              []byte("hello"),
		"an empty array":                    {0x90},
		"a number":                          {0x01},
		"another name":                      array(text("HALO"), object(text("nonce"), binary("n"))),
		"no map":                            array(text("HELO"), text("nonce")),
		"no nonce":                          array(text("HELO"), object(text("auth"), binary("n"))),
		"a map without an end":              array(text("HELO"), func(b []byte) []byte { return append(b, 0xDF, 0xFF, 0xFF, 0xFF, 0xFF) }),
		"a text without an end":             array(text("HELO"), object(text("nonce"), func(b []byte) []byte { return append(b, 0xDB, 0xFF, 0xFF, 0xFF, 0xFF, 'x') })),
		"a text that is too long":           array(text("HELO"), object(text("nonce"), binary(long))),
		"something behind it":               append(fromHex(t, heloBytes), 0xC0),
		"PING too short":                    array(text("PING"), text("host"), binary("salt"), text("digest")),
		"PING with a number":                array(text("PING"), func(b []byte) []byte { return append(b, 1) }, text(""), text(""), text(""), text("")),
		"PONG that is true, with no digest": array(text("PONG"), boolean(true), text(""), text("host")),
		"PONG with a text for ok":           array(text("PONG"), text("true"), text(""), text("host"), text("digest")),
		"an ack of nothing":                 object()(nil),
		"an ack of a number":                object(text("ack"), func(b []byte) []byte { return append(b, 1) })(nil),
		"an ack of too much":                object(text("ack"), text(long))(nil),
	}
	for name, message := range messages {
		t.Run(name, func(t *testing.T) {
			for _, parse := range parsers {
				err := parse(message)
				require.ErrorIs(t, err, ErrMessage)
				require.Less(t, len(err.Error()), 200, "errors do not repeat the message")
			}
		})
	}
	for _, whole := range []string{heloBytes, pingBytes, pongBytes, ackBytes} {
		message := fromHex(t, whole)
		for length := range message {
			for _, parse := range parsers {
				require.Error(t, parse(message[:length]), "cut short")
			}
		}
	}
}

var parsers = []func([]byte) error{
	func(message []byte) error { _, err := ParseHelo(message); return err },
	func(message []byte) error { _, err := ParsePing(message); return err },
	func(message []byte) error { _, err := ParsePong(message); return err },
	func(message []byte) error { _, err := ParseAck(message); return err },
}

func TestWhatIsReturnedIsACopy(t *testing.T) {
	message := AppendHelo(nil, aHelo)
	h, err := ParseHelo(message)
	require.NoError(t, err)
	clear(message)
	require.Equal(t, aHelo, h)
}

func TestChunkOfARequest(t *testing.T) {
	number := func(b []byte) []byte { return msgp.AppendInt(b, 1612563429) }
	eventTime := func(b []byte) []byte { return append(b, 0xD7, 0, 0, 0, 0, 1, 0, 0, 0, 2) }
	record := object(text("message"), text("a line"), text("chunk"), text("of the record"))
	entries := func(b []byte) []byte {
		return append(b, array(func(b []byte) []byte { return append(b, array(eventTime, record)...) })...)
	}
	options := object(text("size"), number, text("chunk"), text("Zm9v"))
	tag := text("filebeat")
	for name, test := range map[string]struct {
		request []byte
		want    string
	}{
		"message":                     {array(tag, eventTime, record, options), "Zm9v"},
		"message with whole seconds":  {array(tag, number, record, options), "Zm9v"},
		"message without options":     {array(tag, eventTime, record), ""},
		"forward":                     {array(tag, entries, options), "Zm9v"},
		"forward without options":     {array(tag, entries), ""},
		"packed":                      {array(tag, binary("entries"), options), "Zm9v"},
		"packed in a str":             {array(tag, text("entries"), options), "Zm9v"},
		"packed with no chunk":        {array(tag, binary("entries"), object(text("size"), number)), ""},
		"packed with nil for a chunk": {array(tag, binary("entries"), object(text("chunk"), msgp.AppendNil)), ""},
		"a long tag":                  {array(text(strings.Repeat("t", 70_000)), binary("entries"), options), "Zm9v"},
	} {
		t.Run(name, func(t *testing.T) {
			chunk, err := RequestChunk(test.request)
			require.NoError(t, err)
			require.Equal(t, test.want, chunk)
			for length := range min(len(test.request), 200) {
				_, err := RequestChunk(test.request[:length])
				require.ErrorIs(t, err, ErrMessage, "cut short")
			}
		})
	}
	for name, request := range map[string][]byte{
		"no array":          tag(nil),
		"a tag alone":       array(tag),
		"a time alone":      array(tag, eventTime),
		"one too many":      array(tag, binary("entries"), options, options),
		"options of a kind": array(tag, binary("entries"), number),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := RequestChunk(request)
			require.ErrorIs(t, err, ErrMessage)
		})
	}
}

func addSeeds(f *testing.F) {
	f.Helper()
	for _, seed := range []string{heloBytes, pingBytes, pongBytes, ackBytes, "c0", "92a448454c4fdfffffffff", "93a1749081a56368756e6ba3616263"} {
		f.Add(fromHex(f, seed))
	}
}

func FuzzHandshake(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, message []byte) {
		if h, err := ParseHelo(message); err == nil {
			again, err := ParseHelo(AppendHelo(nil, h))
			require.NoError(t, err)
			require.Equal(t, h, again)
		}
		if p, err := ParsePing(message); err == nil {
			again, err := ParsePing(AppendPing(nil, p))
			require.NoError(t, err)
			require.Equal(t, p, again)
		}
		if p, err := ParsePong(message); err == nil {
			again, err := ParsePong(AppendPong(nil, p))
			require.NoError(t, err)
			require.Equal(t, p, again)
		}
	})
}

func FuzzAckAndChunk(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, message []byte) {
		if chunk, err := ParseAck(message); err == nil {
			again, err := ParseAck(AppendAck(nil, chunk))
			require.NoError(t, err)
			require.Equal(t, chunk, again)
		}
		chunk, err := RequestChunk(message)
		if err != nil {
			require.ErrorIs(t, err, ErrMessage)
		}
		require.LessOrEqual(t, len(chunk), min(MaxTextBytes, len(message)))
	})
}
