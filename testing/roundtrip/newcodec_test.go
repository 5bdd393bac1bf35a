// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package roundtrip

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/outputs"
	"github.com/elastic/beats/v7/libbeat/outputs/outest"
	"github.com/elastic/beats/v7/libbeat/publisher"
	conf "github.com/elastic/elastic-agent-libs/config"
	"github.com/elastic/elastic-agent-libs/logp"
	"github.com/elastic/elastic-agent-libs/mapstr"
	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/outputs/codec"
	_ "filebeat-websocket/outputs/websocket"
)

// The codec "shout" is registered by this test alone. That its format, section,
// framings and frames work in the output shows that the output needs to be told of
// no codec.
func init() {
	codec.Register("shout", codec.Kind{
		New:      newShout,
		Framings: []string{"lines", "message"},
		Formats:  map[string]string{"shout": "lines", "shout_single": "message"},
		Options:  func() codec.Options { return &shoutOptions{Mark: "!"} },
		Binary:   true,
	})
}

type shoutOptions struct {
	Mark       string `config:"mark"`
	DateFormat string `config:"json_date_format" shared:"true"`
}

func (o *shoutOptions) Validate() error {
	if o.Mark == "" {
		return errors.New("mark: is empty")
	}
	if o.DateFormat == "never" {
		return errors.New("json_date_format: can't be never")
	}
	return nil
}

func newShout(_ beat.Info, cfg *conf.C) (func() codec.Encoder, error) {
	o := &shoutOptions{Mark: "!"}
	if cfg != nil {
		if err := cfg.Unpack(o); err != nil {
			return nil, err
		}
	}
	return func() codec.Encoder { return o }, o.Validate()
}

func (o *shoutOptions) Append(dst []byte, event *beat.Event) ([]byte, error) {
	line, _ := event.Fields["message"].(string)
	return append(append(dst, strings.ToUpper(line)...), o.DateFormat+o.Mark...), nil
}

// received is a message as a server has got it.
type received struct {
	frameType int
	text      string
}

// startServer returns the URL of a server, and the messages that it gets.
func startServer(t *testing.T) (string, <-chan received) {
	t.Helper()
	messages := make(chan received, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close() //nolint:errcheck // the client has gone
		for {
			frameType, text, err := ws.ReadMessage()
			if err != nil {
				return
			}
			messages <- received{frameType, string(text)}
		}
	}))
	t.Cleanup(server.Close)
	return "ws" + strings.TrimPrefix(server.URL, "http"), messages
}

func loadOutput(t *testing.T, url, yaml string) (outputs.Group, error) {
	t.Helper()
	cfg, err := conf.NewConfigWithYAML([]byte(yaml), "test")
	require.NoError(t, err)
	require.NoError(t, cfg.Merge(map[string]any{"hosts": []string{url}, "close_timeout": "1s"}))
	return outputs.Load(nil, beat.Info{Beat: "filebeat"}, outputs.NewNilObserver(), "websocket", cfg)
}

func TestTheOutputSendsACodecThatItDoesNotKnow(t *testing.T) {
	for yaml, want := range map[string][]received{
		`format: shout`: {{websocket.BinaryMessage, "ONE!\nTWO!\n"}},
		`{format: shout, shout.mark: "?", json_date_format: epoch}`: {{websocket.BinaryMessage, "ONEepoch?\nTWOepoch?\n"}},
		`{format: shout, framing: message}`:                         {{websocket.BinaryMessage, "ONE!"}, {websocket.BinaryMessage, "TWO!"}},
		`format: shout_single`:                                      {{websocket.BinaryMessage, "ONE!"}, {websocket.BinaryMessage, "TWO!"}},
		`{format: raw, codec.shout.mark: "."}`:                      {{websocket.BinaryMessage, "ONE."}, {websocket.BinaryMessage, "TWO."}},
		`{format: raw, framing: lines, codec.shout: {}}`:            {{websocket.BinaryMessage, "ONE!\nTWO!\n"}},
	} {
		t.Run(yaml, func(t *testing.T) {
			url, messages := startServer(t)
			group, err := loadOutput(t, url, yaml)
			require.NoError(t, err)
			client, ok := group.Clients[0].(outputs.NetworkClient)
			require.True(t, ok)
			require.NoError(t, client.Connect())
			batch := outest.NewBatch(beat.Event{Fields: mapstr.M{"message": "one"}}, beat.Event{Fields: mapstr.M{"message": "two"}})
			encoder := group.EncoderFactory()
			for i, event := range batch.Events() {
				entry, _ := encoder.EncodeEntry(event)
				batch.Events()[i], _ = entry.(publisher.Event)
			}
			require.NoError(t, client.Publish(t.Context(), batch))
			for _, message := range want {
				require.Equal(t, message, <-messages)
			}
			require.NoError(t, client.Close())
		})
	}
}

func TestTheOutputChecksTheOptionsOfACodecThatItDoesNotKnow(t *testing.T) {
	for yaml, want := range map[string]string{
		`{format: shout, shout.mark: ""}`:                         "output.websocket.shout.mark: is empty",
		`{format: shout, shout.marks: ""}`:                        "output.websocket.shout.marks: unknown setting",
		`{format: json, shout.marks: ""}`:                         "output.websocket.shout.marks: unknown setting",
		`{format: shout, shout.mark: true}`:                       "output.websocket.shout.mark: must not be a boolean",
		`{format: shout, shout: 1}`:                               "output.websocket.shout: expected a map",
		`{format: shout, shout.json_date_format: epoch}`:          "output.websocket.shout.json_date_format: unknown setting",
		`{format: shout, json_date_format: never}`:                "output.websocket.json_date_format: can't be never",
		`{format: shout, framing: array}`:                         "output.websocket.framing: framing array does not go with format: shout, whose records need lines or message",
		`{format: json_array, codec.shout: {}}`:                   "output.websocket.codec: framing array does not go with codec.shout",
		`{format: shout, codec.raw: {}}`:                          "output.websocket.codec: takes the place of the record of json and raw, and does not go with format: shout",
		`{format: raw, codec.shout.mark: ""}`:                     "output.websocket.codec: codec shout: mark: is empty",
		`{format: shouting}`:                                      `output.websocket.format: unknown format "shouting", known are csv`,
		`{format: shout, json_date_key: d, json_date_format: []}`: "output.websocket.json_date_format: ",
	} {
		t.Run(yaml, func(t *testing.T) {
			_, err := loadOutput(t, "ws://127.0.0.1", yaml)
			require.ErrorContains(t, err, want)
			require.Equal(t, 1, strings.Count(err.Error(), "output.websocket."), err)
		})
	}
}

func TestTheOutputWarnsOfUnusedOptionsOfACodecThatItDoesNotKnow(t *testing.T) {
	require.NoError(t, logp.DevelopmentSetup(logp.ToObserverOutput()))
	t.Cleanup(func() { require.NoError(t, logp.DevelopmentSetup(logp.ToDiscardOutput())) })
	for yaml, want := range map[string][]string{
		`{format: raw, shout.mark: "?", json_date_format: epoch}`:   {"json_date_format, shout: no effect with format: raw"},
		`{format: shout, shout.mark: "?", json_date_format: epoch}`: nil,
		`{format: raw, shout.mark: "!"}`:                            nil, // the default
	} {
		_, err := loadOutput(t, "ws://127.0.0.1", yaml)
		require.NoError(t, err)
		var warnings []string
		for _, entry := range logp.ObserverLogs().TakeAll() {
			if strings.Contains(entry.Message, "no effect with") {
				warnings = append(warnings, entry.Message)
			}
		}
		require.Equal(t, want, warnings, yaml)
	}
}
