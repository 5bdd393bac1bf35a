// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"testing"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/stretchr/testify/require"
)

func TestNewNamesTheKnownCodecsWhenItDoesNotKnowOne(t *testing.T) {
	_, _, err := New("xml", testInfo, nil)
	require.ErrorContains(t, err, `unknown codec "xml"`)
	for _, name := range []string{"json", "log", "raw", "msgpack", "gelf", "ltsv", "form", "csv", "forward"} {
		require.ErrorContains(t, err, name)
	}
}

func TestMessagePackIsBinaryAndTextIsNot(t *testing.T) {
	for _, name := range Names() {
		_, binary := newTestFactory(t, name)
		require.Equal(t, name == "msgpack" || name == "forward", binary, name)
	}
}

// A framing that is unknown to the output is a matter of the output's tests.
func TestDefaultFramingsFitTheirCodec(t *testing.T) {
	named := map[string]bool{}
	for _, name := range Names() {
		kind, err := Get(name)
		require.NoError(t, err)
		for format, framing := range kind.Formats {
			require.Contains(t, kind.Framings, framing, "the default framing of format %s is not one of codec %s", format, name)
			require.False(t, named[format], format)
			named[format] = true
		}
	}
	require.Len(t, FormatNames(), len(named))
}

func TestRegisterPanicsOnANameThatIsTaken(t *testing.T) {
	require.PanicsWithValue(t, `codec "json" is registered twice`, func() {
		Register("json", Kind{New: newRaw, Framings: []string{"message"}})
	})
}

func TestRegisterPanicsOnAKindThatIsNotComplete(t *testing.T) {
	for _, kind := range []Kind{{New: newRaw}, {Framings: []string{"message"}}} {
		require.PanicsWithValue(t, `codec "new" lacks New or Framings`, func() { Register("new", kind) })
	}
}

// Every codec keeps to the Encoder's contract, whichever file it comes from.
func TestEveryCodecAppendsBehindWhatIsThere(t *testing.T) {
	event := filestreamEvent()
	event.Fields = map[string]any{"message": event.Fields["message"]}
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			encoder := newTestEncoder(t, name)
			alone, err := encoder.Append(nil, event)
			require.NoError(t, err)
			behind, err := encoder.Append([]byte("before"), event)
			require.NoError(t, err)
			require.Equal(t, "before"+string(alone), string(behind))
		})
	}
}

func TestEncodersOfOneFactoryRunSideBySide(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			newEncoder, _ := newTestFactory(t, name)
			results := make(chan error)
			const producers = 8
			for range producers {
				go func() {
					encoder := newEncoder()
					event := filestreamEvent()
					event.Fields["rare"] = stringer{Name: "folded by the library"}
					var record []byte
					var err error
					for range 200 {
						if record, err = encoder.Append(record[:0], event); err != nil {
							break
						}
					}
					results <- err
				}()
			}
			for range producers {
				require.NoError(t, <-results)
			}
		})
	}
}

func TestErrorsHoldNothingOfTheEvent(t *testing.T) {
	const secret = "hunter2"
	values := map[string]any{
		"map without string keys": map[int]string{1: secret},
		"error of a Fold method":  failingFolder(secret),
		"panic of a Fold method":  panickingFolder(secret),
		"list as a message":       []any{secret, make(chan int)},
	}
	for description, v := range values {
		t.Run(description, func(t *testing.T) {
			event := &beat.Event{Fields: map[string]any{"message": v, secret: v}}
			for _, name := range Names() {
				record, err := newTestEncoder(t, name).Append([]byte("before"), event)
				require.Error(t, err)
				require.NotContains(t, err.Error(), secret, name)
				require.Equal(t, "before", string(record), name)
			}
		})
	}
}
