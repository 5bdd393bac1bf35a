// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"testing"
	"unicode/utf8"

	"github.com/elastic/beats/v7/libbeat/beat"
	libjson "github.com/elastic/beats/v7/libbeat/outputs/codec/json"
	conf "github.com/elastic/elastic-agent-libs/config"
	jsoniter "github.com/json-iterator/go"
	"github.com/stretchr/testify/require"
	"github.com/tinylib/msgp/msgp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

var testInfo = beat.Info{Beat: "filebeat", IndexPrefix: "filebeat", Version: "9.0.0", Hostname: "agent-1"}

// trait is what the tests know of a codec that the codec does not say itself.
type trait struct {
	// required are the options without which the codec is not valid.
	required map[string]any
	// unordered decodes the records of a codec that writes fields in no particular
	// order, for a comparison by value.
	unordered func(testing.TB, []byte) any
	// check holds what a reader of the format finds in a record against the event.
	// It reads the record with a library that has no part in writing it.
	check func(*testing.T, *beat.Event, []byte)
	// partial means that the codec does not read every field of an event.
	partial bool
}

// traits has the codecs with such traits. A codec without an entry is tested, too.
var traits = map[string]trait{
	"json":    {check: checkJSON, unordered: decodeJSON},
	"log":     {check: checkLog, partial: true},
	"raw":     {check: checkRaw, partial: true},
	"msgpack": {check: checkMsgpack, unordered: decodeMsgpack},
	"forward": {check: checkForward, unordered: decodeMsgpack},
	"gelf":    {check: checkGELF},
	"ltsv":    {check: checkLTSV},
	"form":    {check: checkForm},
	"csv":     {check: checkCSV, partial: true, required: map[string]any{"fields": csvColumns}},
}

// checkRecord runs the check of a codec, if it has one.
func checkRecord(t *testing.T, name string, event *beat.Event, record []byte) {
	t.Helper()
	if check := traits[name].check; check != nil {
		check(t, event, record)
	}
}

var csvColumns = []string{"@timestamp", "message", "host.name", "tags", "log.offset", "@metadata._id", "none"}

// newTestFactory returns a codec with the options that it can't do without.
func newTestFactory(tb testing.TB, name string) (newEncoder func() Encoder, binary bool) {
	tb.Helper()
	return newFactoryWith(tb, name, traits[name].required)
}

func newFactoryWith(tb testing.TB, name string, options map[string]any) (newEncoder func() Encoder, binary bool) {
	tb.Helper()
	newEncoder, binary, err := New(name, testInfo, conf.MustNewConfigFrom(options))
	require.NoError(tb, err, "options that codec %s requires belong into traits", name)
	return newEncoder, binary
}

// newTestEncoder is a fresh encoder of the codec called name, with the options
// that it can't do without.
func newTestEncoder(tb testing.TB, name string) Encoder {
	tb.Helper()
	newEncoder, _ := newTestFactory(tb, name)
	return newEncoder()
}

// newEncoderWith is a fresh encoder of the codec called name.
func newEncoderWith(tb testing.TB, name string, options map[string]any) Encoder {
	tb.Helper()
	newEncoder, _ := newFactoryWith(tb, name, options)
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

// decodeMsgpack is the value of a record as another reader of MessagePack has it:
// the one of msgp. Values are such that equal ones are equal to
// require.Equal: NaN is a text, and an integer is unsigned only if it has to be.
func decodeMsgpack(tb testing.TB, record []byte) any {
	tb.Helper()
	v, rest, err := msgp.ReadIntfBytes(record)
	require.NoError(tb, err, "% x", record)
	require.Empty(tb, rest, "bytes after the record")
	return comparableValue(v)
}

func comparableValue(v any) any {
	switch v := v.(type) {
	case float64:
		if math.IsNaN(v) {
			return "NaN"
		}
	case float32:
		return comparableValue(float64(v))
	case uint64:
		if v <= math.MaxInt64 {
			return int64(v)
		}
	case []byte:
		return append([]byte{}, v...)
	case map[string]any:
		for key, entry := range v {
			v[key] = comparableValue(entry)
		}
	case []any:
		for i, entry := range v {
			v[i] = comparableValue(entry)
		}
	}
	return v
}
