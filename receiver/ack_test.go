// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
)

// replies takes texts from the client until it has as many as wanted.
func (c *testClient) replies(t testing.TB, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		require.Equal(t, want, take(t, c.messages))
	}
}

func TestTheSubprotocolIsPickedIfOfferedAndWanted(t *testing.T) {
	for name, test := range map[string]struct {
		ack    string
		offers []string
		want   string
	}{
		"offered":               {"", []string{"x", protocol.Subprotocol}, protocol.Subprotocol},
		"not offered":           {"auto", []string{"x"}, ""},
		"offered in vain":       {"none", []string{protocol.Subprotocol}, ""},
		"no subprotocol at all": {"auto", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, url := start(t, new(memorySink), Options{Ack: test.ack})
			c := dial(t, url, test.offers...)
			require.Equal(t, test.want, c.Subprotocol())
			c.send(t, "{}")
			c.ping(t, "x")
			take(t, c.pongs)
			if test.want == "" {
				require.Empty(t, c.messages)
			} else {
				c.replies(t, `{"ack":1}`)
			}
		})
	}
}

func TestAcksAreCumulative(t *testing.T) {
	var s memorySink
	_, url := start(t, &s, Options{})
	c := dial(t, url, protocol.Subprotocol)
	c.frames(t, maskedFrame(textFrame, "{}"), maskedFrame(textFrame, "{}"), maskedFrame(textFrame, "{}"))
	c.replies(t, `{"ack":3}`)
	require.Len(t, s.got(), 3)
	c.send(t, "{}")
	c.replies(t, `{"ack":4}`)
	c.ping(t, "x")
	take(t, c.pongs)
	require.Empty(t, c.messages)
}

func TestRefusalsAreNacksToThoseWhoSpeakTheSubprotocol(t *testing.T) {
	secret := errors.New("/secret/place")
	for name, test := range map[string]struct {
		format  string
		refusal *Refusal // of the message {"bad":1}, or of a message that begins with it
		frames  []string
		replies []string
		records int // that Consume sees in all
	}{
		"by Consume, to be sent again": {"json", &Refusal{Reason: "disk full", Retry: true, Cause: secret}, []string{"{}", `{"bad":1}`, "{}"},
			[]string{`{"ack":1}`, `{"nack":2,"reason":"disk full","retry":true}`, `{"ack":3}`}, 2},
		"by Consume, for good": {"json", &Refusal{Reason: "no", Cause: secret}, []string{`{"bad":1}`, "{}"},
			[]string{`{"nack":1,"reason":"no","retry":false}`, `{"ack":2}`}, 1},
		"by Consume, single records": {"json_stream", &Refusal{Reason: "no", Records: []int{0, 2}}, []string{`{"bad":1}{}{}`, "{}"},
			[]string{`{"nack":1,"reason":"no","retry":false,"records":[0,2]}`, `{"ack":2}`}, 2},
		"by Consume, all of the records one by one": {"json_stream", &Refusal{Reason: "no", Records: []int{0, 1}}, []string{`{"bad":1}{}`, "{}"},
			[]string{`{"nack":1,"reason":"no","retry":false}`, `{"ack":2}`}, 1},
		"not JSON": {"json", nil, []string{"{", "{}"},
			[]string{`{"nack":1,"reason":"JSON ends too early, after 1 bytes","retry":false}`, `{"ack":2}`}, 1},
		"nested too deep": {"auto", nil, []string{"{}", strings.Repeat("[", 100), "{}"},
			[]string{`{"ack":1}`, `{"nack":2,"reason":"JSON nested deeper than 64 at byte 65","retry":false}`, `{"ack":3}`}, 2},
		"single lines": {"json_lines", nil, []string{"{}\nx\n\n{}\n{\n", "x\n"},
			[]string{`{"nack":1,"reason":"line 2: invalid JSON at byte 0","retry":false,"records":[1,3]}`, `{"nack":2,"reason":"line 1: invalid JSON at byte 0","retry":false}`}, 2},
		"single lines, others by Consume": {"json_lines", &Refusal{Reason: "full", Retry: true, Records: []int{1}}, []string{"x\n{\"bad\":1}\n{}\n{}\n"},
			[]string{`{"nack":1,"reason":"full","retry":true,"records":[0,2]}`}, 2},
		"binary where the format is not": {"json", nil, []string{"binary", "{}"},
			[]string{`{"nack":1,"reason":"format json takes text messages","retry":false}`, `{"ack":2}`}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			taken := 0
			noted := make(chan *Refusal, 10)
			ended := make(chan End, 1)
			_, url := start(t, SinkFunc(func(_ context.Context, m *Message) error {
				for _, r := range m.Records {
					if string(r) == `{"bad":1}` && test.refusal != nil {
						if len(test.refusal.Records) > 0 {
							taken += len(m.Records) - len(test.refusal.Records)
						}
						return fmt.Errorf("wrapped: %w", test.refusal)
					}
				}
				taken += len(m.Records)
				return nil
			}), Options{
				Format:    test.format,
				Observers: []Observer{{Refused: func(_ Peer, r *Refusal) { noted <- r }, Closed: func(_ Peer, end End) { ended <- end }}},
			})
			c := dial(t, url, protocol.Subprotocol)
			for i, text := range test.frames {
				if text == "binary" {
					c.frames(t, maskedFrame(0x82, "x"))
				} else {
					c.frames(t, maskedFrame(textFrame, text))
				}
				c.replies(t, test.replies[i])
			}
			require.NoError(t, c.Close())
			end := take(t, ended)
			require.Equal(t, test.records, taken)
			require.EqualValues(t, taken, end.Records)
			require.EqualValues(t, len(noted), end.Refused)
			require.NotEmpty(t, noted)
		})
	}
	t.Run("any other error is 1011, after the ack of what came before", func(t *testing.T) {
		_, url := start(t, SinkFunc(func(_ context.Context, m *Message) error {
			if m.Number == 2 {
				return secret
			}
			return nil
		}), Options{})
		c := dial(t, url, protocol.Subprotocol)
		c.frames(t, maskedFrame(textFrame, "{}"), maskedFrame(textFrame, "{}"), maskedFrame(textFrame, "{}"))
		require.Equal(t, &websocket.CloseError{Code: 1011, Text: "message 2 was not taken"}, take(t, c.ended))
		c.replies(t, `{"ack":1}`)
		require.Empty(t, c.messages)
	})
	t.Run("a refusal of records that are not there is such an error", func(t *testing.T) {
		_, url := start(t, SinkFunc(func(context.Context, *Message) error { return &Refusal{Records: []int{1}} }), Options{})
		c := dial(t, url, protocol.Subprotocol)
		c.send(t, "{}")
		require.Equal(t, &websocket.CloseError{Code: 1011, Text: "message 1 was not taken"}, take(t, c.ended))
	})
	t.Run("too long is 1009 all the same", func(t *testing.T) {
		_, url := start(t, new(memorySink), Options{MaxMessageBytes: 10})
		c := dial(t, url, protocol.Subprotocol)
		c.frames(t, maskedFrame(textFrame, "{}"), maskedFrame(textFrame, `{"too":"long"}`))
		require.Equal(t, &websocket.CloseError{Code: 1009, Text: "message is longer than 10 bytes"}, take(t, c.ended))
		c.replies(t, `{"ack":1}`)
	})
}

func TestRefusalsEndTheConnectionOfOthers(t *testing.T) {
	for name, test := range map[string]struct {
		refusal Refusal
		want    websocket.CloseError
	}{
		"1013 to be sent again": {Refusal{Reason: "disk full", Retry: true}, websocket.CloseError{Code: 1013, Text: "disk full"}},
		"1007 for good":         {Refusal{Reason: "no"}, websocket.CloseError{Code: 1007, Text: "no"}},
		"1007 for single ones":  {Refusal{Reason: strings.Repeat("no", 100), Records: []int{1}}, websocket.CloseError{Code: 1007, Text: strings.Repeat("no", 100)[:123]}},
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan End, 1)
			_, url := start(t, SinkFunc(func(_ context.Context, m *Message) error {
				if m.Number == 2 {
					return &test.refusal
				}
				return nil
			}), Options{Observers: []Observer{{Closed: func(_ Peer, end End) { ended <- end }}}})
			c := dial(t, url)
			c.frames(t, maskedFrame(textFrame, "{}"), maskedFrame(pingFrame, "1"), maskedFrame(textFrame, "{}{}"), maskedFrame(pingFrame, "2"))
			require.Equal(t, &test.want, take(t, c.ended))
			require.Equal(t, "1", take(t, c.pongs))
			require.Empty(t, c.pongs)
			require.Equal(t, End{Messages: 1, Records: 1, Bytes: 2, Refused: 1, CloseCode: protocol.CloseCode(test.want.Code)}, func() End {
				end := take(t, ended)
				end.Cause = nil
				return end
			}())
		})
	}
}

func TestAViolationOfRFC6455IsToldEvenIfConfirmationsCanNotBe(t *testing.T) {
	commits, ended := newCommits(), make(chan End, 1)
	_, url := start(t, funcSink{new(memorySink).Consume, commits.commit}, Options{Observers: []Observer{{Closed: func(_ Peer, end End) { ended <- end }}}})
	c := dial(t, url, protocol.Subprotocol)
	c.send(t, "{}")
	take(t, commits.entered)
	c.frames(t, "\x81\x01x") // not masked
	close(commits.open)
	require.Equal(t, &websocket.CloseError{Code: 1002, Text: "a frame is not masked"}, take(t, c.ended))
	require.NoError(t, c.Close())
	require.Equal(t, protocol.CloseProtocolError, take(t, ended).CloseCode)
}

func TestAClientThatDoesNotReadItsAcksIsCut(t *testing.T) {
	ended := make(chan End, 1)
	h, err := New(SinkFunc(func(context.Context, *Message) error { return &Refusal{Reason: strings.Repeat("x", 1000)} }), Options{
		WriteTimeout: 100 * time.Millisecond,
		CloseTimeout: 100 * time.Millisecond,
		Observers:    []Observer{{Closed: func(_ Peer, end End) { ended <- end }}},
	})
	require.NoError(t, err)
	server := httptest.NewServer(h)
	defer server.Close()
	dialer := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}}
	ws, res, err := dialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http"), nil)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	defer ws.Close() //nolint:errcheck // it is cut
	require.NoError(t, ws.SetWriteDeadline(time.Now().Add(10*time.Second)))
	for err == nil {
		err = ws.WriteMessage(websocket.TextMessage, []byte("{}"))
	}
	timeout, isNetwork := errors.AsType[net.Error](err)
	require.False(t, isNetwork && timeout.Timeout(), "the client is not read for ever: %v", err)
	end := take(t, ended)
	require.ErrorContains(t, end.Cause, "confirmations could not be written")
	require.Equal(t, protocol.CloseAbnormal, end.CloseCode)
}

func TestProgressIsToldWhileConsumeOrCommitTakesLong(t *testing.T) {
	for name, sinkThat := range map[string]func(work func()) Sink{
		"Consume": func(work func()) Sink {
			return SinkFunc(func(context.Context, *Message) error { work(); return nil })
		},
		"Commit": func(work func()) Sink {
			return funcSink{new(memorySink).Consume, func(context.Context) error { work(); return nil }}
		},
	} {
		t.Run(name, func(t *testing.T) {
			release := make(chan struct{})
			h, url := start(t, sinkThat(func() { <-release }), Options{})
			h.progressInterval = 20 * time.Millisecond
			c := dial(t, url, protocol.Subprotocol)
			c.ping(t, "idle")
			take(t, c.pongs)
			require.Empty(t, c.messages)
			c.send(t, "{}")
			c.replies(t, `{"progress":true}`, `{"progress":true}`, `{"progress":true}`)
			close(release)
			last := take(t, c.messages)
			for last == `{"progress":true}` {
				last = take(t, c.messages)
			}
			require.Equal(t, `{"ack":1}`, last)
		})
	}
}
