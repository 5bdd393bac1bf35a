// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"
	"unicode/utf8"

	"github.com/elastic/beats/v7/libbeat/beat"
	libjson "github.com/elastic/beats/v7/libbeat/outputs/codec/json"
	jsoniter "github.com/json-iterator/go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

var testInfo = beat.Info{Beat: "filebeat", IndexPrefix: "filebeat", Version: "9.0.0"}

// newTestEncoder is a fresh encoder of the codec called name, without options.
func newTestEncoder(tb testing.TB, name string) Encoder {
	tb.Helper()
	newEncoder, _, err := New(name, testInfo, nil)
	require.NoError(tb, err)
	return newEncoder()
}

func newLibbeatJSON() *libjson.Encoder {
	return libjson.New(testInfo.Version, libjson.Config{})
}

// decodeJSON is the value of a record, with numbers kept as they are written. It
// fails unless two parsers take the record and it is valid UTF-8.
func decodeJSON(tb testing.TB, record []byte) any {
	tb.Helper()
	require.True(tb, utf8.Valid(record), "not UTF-8: %q", record)
	require.True(tb, jsoniter.ConfigCompatibleWithStandardLibrary.Valid(record), "not JSON to jsoniter: %q", record)

	decoder := json.NewDecoder(bytes.NewReader(record))
	decoder.UseNumber()
	var value any
	require.NoError(tb, decoder.Decode(&value), "%q", record)
	_, err := decoder.Token()
	require.ErrorIs(tb, err, io.EOF, "bytes after the record: %q", record)
	return value
}

// requireDrop checks the error, and that the encoder gave dst back as it was.
func requireDrop(tb testing.TB, encoder Encoder, event *beat.Event, reason string) {
	tb.Helper()
	record, err := encoder.Append([]byte("before"), event)
	var drop *DropError
	require.ErrorAs(tb, err, &drop)
	require.Equal(tb, reason, drop.Reason)
	require.Equal(tb, "before", string(record))
	require.ErrorIs(tb, err, drop.Err)
}
