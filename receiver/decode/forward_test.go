// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"github.com/tinylib/msgp/msgp"
)

// packedText and packedBytes are MessagePack's.
func packedText(s string) string  { return appended(msgp.AppendString, s) }
func packedBytes(s string) string { return appended(msgp.AppendBytes, []byte(s)) }

// zstdFrames makes a frame of each part.
func zstdFrames(t testing.TB, parts ...string) string {
	t.Helper()
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	require.NoError(t, err)
	var frames []byte
	for _, part := range parts {
		frames = encoder.EncodeAll([]byte(part), frames)
	}
	require.NoError(t, encoder.Close())
	return string(frames)
}

// gzipMembers makes a gzip member of each part.
func gzipMembers(t testing.TB, parts ...string) string {
	t.Helper()
	var members bytes.Buffer
	for _, part := range parts {
		w := gzip.NewWriter(&members)
		_, err := w.Write([]byte(part))
		require.NoError(t, err)
		require.NoError(t, w.Close())
	}
	return members.String()
}

// chunked is a request with one record and that id.
func chunked(chunk string) string {
	return "\x93" + packedText("t") + packedBytes(anEntry("\x81\xa1a\x01")) + "\x81" + packedText("chunk") + packedText(chunk)
}

// forwarded is what a request for the tag t with the record {"a":1} becomes.
const forwarded = `{"@timestamp":"2021-02-05T22:17:09.123456789Z","tag":"t","a":1}`

func TestForwardRequests(t *testing.T) {
	entry := anEntry("\x81\xa1a\x01")
	none, one, two := []string(nil), []string{forwarded}, []string{forwarded, forwarded}
	withChunk := "\x82" + packedText("size") + "\x01" + packedText("chunk") + packedText("Zm9v+/==")
	zipped := "\x81" + packedText("compressed") + packedText("gzip")
	zstdOption := "\x81" + packedText("compressed") + packedText("zstd")
	for name, test := range map[string]struct {
		message string
		records []string
		chunks  []string
		counts  []int
	}{
		"message":                              {"\x93" + packedText("t") + aTime + "\x81\xa1a\x01", one, []string{""}, []int{1}},
		"message with options":                 {"\x94" + packedText("t") + aTime + "\x81\xa1a\x01" + withChunk, one, []string{"Zm9v+/=="}, []int{1}},
		"message with whole seconds":           {"\x93" + packedText("t") + "\x01\x80", []string{`{"@timestamp":"1970-01-01T00:00:01Z","tag":"t"}`}, []string{""}, []int{1}},
		"forward":                              {"\x92" + packedText("t") + "\x92" + entry + entry, two, []string{""}, []int{2}},
		"forward with options":                 {"\x93" + packedText("t") + "\x91" + entry + withChunk, one, []string{"Zm9v+/=="}, []int{1}},
		"forward, each time with its metadata": {"\x92" + packedText("t") + "\x91\x92\x92" + aTime + "\x80\x81\xa1a\x01", one, []string{""}, []int{1}},
		"forward without entries":              {"\x93" + packedText("t") + "\x90" + withChunk, none, []string{"Zm9v+/=="}, []int{0}},
		"packed":                               {"\x92" + packedText("t") + packedBytes(entry+entry), two, []string{""}, []int{2}},
		"packed in a str":                      {"\x92" + packedText("t") + packedText(entry), one, []string{""}, []int{1}},
		"packed with options":                  {"\x93" + packedText("t") + packedBytes(entry) + withChunk, one, []string{"Zm9v+/=="}, []int{1}},
		"packed with options that are nil":     {"\x93" + packedText("t") + packedBytes(entry) + "\xc0", one, []string{""}, []int{1}},
		"packed without entries":               {"\x93" + packedText("t") + packedBytes("") + withChunk, none, []string{"Zm9v+/=="}, []int{0}},
		"compressed":                           {"\x93" + packedText("t") + packedBytes(gzipMembers(t, entry+entry)) + zipped, two, []string{""}, []int{2}},
		"compressed in several members":        {"\x93" + packedText("t") + packedBytes(gzipMembers(t, entry[:5], entry[5:], "", entry)) + zipped, two, []string{""}, []int{2}},
		"compressed with zstd, in frames":      {"\x93" + packedText("t") + packedBytes(zstdFrames(t, entry[:5], entry[5:], entry)) + zstdOption, two, []string{""}, []int{2}},
		"compressed in a str":                  {"\x93" + packedText("t") + packedText(gzipMembers(t, entry)) + zipped, one, []string{""}, []int{1}},
		"not compressed, and says so":          {"\x93" + packedText("t") + packedBytes(entry) + "\x81" + packedText("compressed") + packedText("text"), one, []string{""}, []int{1}},
		"the tag and the options as bin":       {"\x93" + packedBytes("t") + packedBytes(entry) + "\x81" + packedBytes("chunk") + packedBytes("x"), one, []string{"x"}, []int{1}},
		"unknown options":                      {"\x93" + packedText("t") + packedBytes(entry) + "\x84\x01\x02" + packedText("fluent_signal") + "\x00" + packedText("x") + nestedMaps(60) + packedText("chunk") + packedText("x"), one, []string{"x"}, []int{1}},
		"a chunk of nil":                       {"\x93" + packedText("t") + packedBytes(entry) + "\x81" + packedText("chunk") + "\xc0", one, []string{""}, []int{1}},
		"several requests":                     {"\x92" + packedText("t") + packedBytes(entry+entry) + "\x93" + packedText("t") + packedBytes("") + withChunk + "\x93" + packedText("t") + aTime + "\x81\xa1a\x01", append(two, forwarded), []string{"", "Zm9v+/==", ""}, []int{2, 0, 1}},
		"heartbeats":                           {"\xc0\xc0", none, nil, nil},
		"heartbeats around a request":          {"\xc0\x92" + packedText("t") + packedBytes(entry) + "\xc0", one, []string{""}, []int{1}},
		"a record with a tag of its own":       {"\x93" + packedText("t") + "\x01\x81" + packedText("tag") + packedText("mine"), []string{`{"@timestamp":"1970-01-01T00:00:01Z","tag":"mine"}`}, []string{""}, []int{1}},
		"an empty tag":                         {"\x93\xa0\x01\x80", []string{`{"@timestamp":"1970-01-01T00:00:01Z","tag":""}`}, []string{""}, []int{1}},
		"a tag that needs escaping":            {"\x93" + packedText("\"\n\xff") + "\x01\x80", []string{"{\"@timestamp\":\"1970-01-01T00:00:01Z\",\"tag\":\"\\\"\\n\uFFFD\"}"}, []string{""}, []int{1}},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{}
			require.NoError(t, o.complete())
			for _, format := range []string{formatForward, Auto} {
				var list Records
				err := formats[format].decode(message{data: []byte(test.message), binary: true, options: &o}, &list)
				require.NoError(t, err)
				records := list.Finish()
				require.Len(t, records, len(test.records))
				for i, record := range records {
					require.Equal(t, test.records[i], string(record))
					require.True(t, json.Valid(record))
				}
				require.Equal(t, test.chunks, list.chunks)
				require.Equal(t, test.counts, list.chunkRecords)
			}
		})
	}
}

func TestForwardThatIsWrongIsRefused(t *testing.T) {
	entry := anEntry("\x81\xa1a\x01")
	zipped := "\x81" + packedText("compressed") + packedText("gzip")
	zstdOption := "\x81" + packedText("compressed") + packedText("zstd")
	for name, test := range map[string]struct{ message, reason string }{
		"not a list":                            {"\x01", "not an array at byte 0"},
		"a tag alone":                           {"\x91" + packedText("t"), "not a Fluent Forward request at byte 1"},
		"a list of five":                        {"\x95" + packedText("t") + aTime + "\x80\x80\x80", "not a Fluent Forward request at byte 1"},
		"a number for a tag":                    {"\x92\x01" + packedBytes(entry), "tag is not text at byte 1"},
		"a tag that is too long":                {"\x92" + packedText(strings.Repeat("t", 1025)) + packedBytes(entry), "tag longer than 1024 bytes at byte 1"},
		"a time alone":                          {"\x92" + packedText("t") + aTime, "entries are missing at byte 3"},
		"no time":                               {"\x93" + packedText("t") + "\xc3\x80", "not a time at byte 3"},
		"entries that are not entries":          {"\x92" + packedText("t") + packedBytes("\x01"), "entries: not an array at byte 0"},
		"entries that are cut short":            {"\x92" + packedText("t") + packedBytes(entry[:len(entry)-1]), "entries: MessagePack is cut short at byte 14"},
		"entries of four billion":               {"\x92" + packedText("t") + "\xdd\xff\xff\xff\xff" + entry, "MessagePack is cut short at byte 3"},
		"a bin of four billion":                 {"\x92" + packedText("t") + "\xc6\xff\xff\xff\xff" + entry, "MessagePack is cut short at byte 3"},
		"options of four billion":               {"\x93" + packedText("t") + packedBytes(entry) + "\xdf\xff\xff\xff\xff", "MessagePack is cut short at byte 20"},
		"options that are missing":              {"\x93" + packedText("t") + packedBytes(entry), "options are not a map at byte 20"},
		"options that are a text":               {"\x93" + packedText("t") + packedBytes(entry) + packedText("x"), "options are not a map at byte 20"},
		"options twice":                         {"\x94" + packedText("t") + packedBytes(entry) + "\x80\x80", "request with too many elements at byte 20"},
		"options nested too deep":               {"\x93" + packedText("t") + packedBytes(entry) + "\x81" + packedText("x") + nestedMaps(64), "MessagePack nested deeper than 64 at byte 212"},
		"a number for a chunk":                  {"\x93" + packedText("t") + packedBytes(entry) + "\x81" + packedText("chunk") + "\x01", "chunk is not text at byte 27"},
		"a chunk that is too long":              {"\x93" + packedText("t") + packedBytes(entry) + "\x81" + packedText("chunk") + packedText(strings.Repeat("c", 1025)), "chunk longer than 1024 bytes at byte 27"},
		"another compression":                   {"\x93" + packedText("t") + packedBytes(entry) + "\x81" + packedText("compressed") + packedText("lz4"), "compression is neither gzip nor zstd at byte 32"},
		"compressed in the option only":         {"\x93" + packedText("t") + packedBytes(entry) + zipped, "entries are not valid gzip, or cut short"},
		"compressed and cut short":              {"\x93" + packedText("t") + packedBytes(gzipMembers(t, entry)[:20]) + zipped, "entries are not valid gzip, or cut short"},
		"compressed with trailing bytes":        {"\x93" + packedText("t") + packedBytes(gzipMembers(t, entry)+"x") + zipped, "entries are not valid gzip, or cut short"},
		"zstd in the option only":               {"\x93" + packedText("t") + packedBytes(entry) + zstdOption, "entries are not valid zstd, or cut short"},
		"zstd that is cut short":                {"\x93" + packedText("t") + packedBytes(zstdFrames(t, entry)[:15]) + zstdOption, "entries are not valid zstd, or cut short"},
		"a bomb of zstd":                        {"\x93" + packedText("t") + packedBytes(zstdFrames(t, strings.Repeat("\x00", 1<<20))) + zstdOption, "entries are longer than 16384 bytes when inflated"},
		"a bomb":                                {"\x93" + packedText("t") + packedBytes(gzipMembers(t, strings.Repeat("\x00", 1<<20))) + zipped, "entries are longer than 16384 bytes when inflated"},
		"a bomb in two requests":                {strings.Repeat("\x93"+packedText("t")+packedBytes(gzipMembers(t, strings.Repeat(entry, 800)))+zipped, 2), "entries are longer than 16384 bytes when inflated"},
		"a bomb of many members":                {"\x93" + packedText("t") + packedBytes(strings.Repeat(gzipMembers(t, strings.Repeat(entry, 80)), 20)) + zipped, "entries are longer than 16384 bytes when inflated"},
		"a long tag times many records":         {"\x92" + packedText(strings.Repeat("t", 1024)) + packedBytes(strings.Repeat("\x92\x00\x80", 1000)), "entries: records are longer than 196608 bytes as JSON"},
		"a good request before one that is not": {"\x92" + packedText("t") + packedBytes(entry) + "\x92" + packedText("t") + "\x01", "entries are missing at byte 23"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := decodeWith(Options{MaxMessageBytes: 16 << 10}, formatForward, test.message, true)
			require.EqualError(t, err, test.reason)
			require.LessOrEqual(t, len(err.Error()), maxErrorBytes)
		})
	}
}

// TestABombTakesNoMoreMemoryThanItMay counts what a bomb makes the receiver
// allocate: 1 GiB that it claims to be is not among it.
func TestABombTakesNoMoreMemoryThanItMay(t *testing.T) {
	const limit = 1 << 20
	o := Options{MaxMessageBytes: limit}
	require.NoError(t, o.complete())
	members := strings.Repeat(gzipMembers(t, strings.Repeat("\x00", 2<<20)), 512)
	bomb := []byte("\x93" + packedText("t") + packedBytes(members) + "\x81" + packedText("compressed") + packedText("gzip"))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var list Records
	require.Error(t, formats[formatForward].decode(message{data: bomb, binary: true, options: &o}, &list))
	runtime.ReadMemStats(&after)
	require.LessOrEqual(t, cap(list.inflated), 2*limit)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(10*limit))
}

func TestBinaryMessagesThatAreNeitherTextNorMessagePackAreRefused(t *testing.T) {
	request := "\x93" + packedText("filebeat") + packedBytes(anEntry("\x81\xa1a\x01")+anEntry("\x81\xa1a\x02")) + "\x81" + packedText("size") + "\x02"
	messages := []string{
		"\x93quoted\x94 in Windows-1252", "\x92", "\x92s are apostrophes there", "\xc0 la carte", "\x93\xbfQu\xe9?\x94", "\x92\xa5yen", "\x92\x92\x92",
		"\x81\xa1a\x01", "\x93\xa1t\xc3\x80", "\x92\xce\x00\x00\x00\x01\xa1x", "a\xff",
	}
	for end := 1; end < len(request); end++ {
		messages = append(messages, request[:end], request[end:]) // cut off anywhere
	}
	for _, text := range messages {
		if utf8.ValidString(text) {
			continue
		}
		_, err := decodeText(Auto, text, true)
		require.Error(t, err, "%q", text)
		require.LessOrEqual(t, len(err.Error()), 123)
		_, err = decodeText("raw", text, true)
		require.NoError(t, err, "who sends such text can say so")
	}
	_, err := decodeText(Auto, request, true)
	require.NoError(t, err)
}

func TestAutoSaysWhatItTookAMessageFor(t *testing.T) {
	for want, messages := range map[string][]string{
		"json":        {`{"a":1}`, "\n{}"},
		"json_lines":  {"{}\n", "{}\n{}\n"},
		"json_stream": {"{}{}", "{}\n{}"},
		"json_array":  {"[{}]", "\n[{},{}]\n"},
		"gelf":        {`{"version":"1.1","host":"h"}`},
		"log":         {`{"timestamp":"2021-02-05T22:17:09Z","message":"m"}`},
		"ltsv":        {"time:1\ta:b\n"},
		"form":        {"%40timestamp=1"},
		"raw":         {"", "text", "[]", "{} x"},
		"msgpack":     {"\x92\x00\x80", anEntry("\x80")},
		"forward":     {"\xc0", "\x92\xa1t\x90"},
	} {
		for _, m := range messages {
			o := Options{}
			require.NoError(t, o.complete())
			var list Records
			require.NoError(t, decodeAuto(message{data: []byte(m), binary: formats[want].frames == binaryFrames, options: &o}, &list))
			require.Equal(t, want, list.format, "%q", m)
			_, known := formats[list.format]
			require.True(t, known)
		}
	}
}

// TestRequestsThatAreDamagedNeverPanic flips and cuts bytes of good requests.
func TestRequestsThatAreDamagedNeverPanic(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	whole := "\x93" + packedText("t") + packedBytes(gzipMembers(t, anEntry("\x81\xa1a\x01"))) + "\x82" + packedText("chunk") + packedText("x") + packedText("compressed") + packedText("gzip") +
		"\x92" + packedText("t") + "\x91" + anEntry("\x82\xa1a\x93\x01\xa1x\xc0\xa1b"+aTime)
	for range 5000 {
		damaged := []byte(whole[:random.IntN(len(whole)+1)])
		for range random.IntN(4) {
			if len(damaged) > 0 {
				damaged[random.IntN(len(damaged))] = byte(random.Uint32())
			}
		}
		for _, format := range []string{formatForward, formatMsgpack, Auto} {
			records, err := decodeText(format, string(damaged), true)
			if err != nil {
				require.LessOrEqual(t, len(err.Error()), maxErrorBytes)
			}
			for _, record := range records {
				require.True(t, json.Valid([]byte(record)), "%q", record)
			}
		}
	}
}

// TestRoomForRecordsIsMadeAtOnce: growing to them took more time than to write them.
func TestRoomForRecordsIsMadeAtOnce(t *testing.T) {
	decoder, err := New(formatForward, Options{MaxMessageBytes: 1 << 20})
	require.NoError(t, err)
	entries := strings.Repeat(anEntry("\x81\xa1a"+packedText(strings.Repeat("x", 1000))), 500)
	for name, request := range map[string]string{
		"packed": "\x92" + packedText("t") + packedBytes(entries),
		"gzip":   "\x93" + packedText("t") + packedBytes(gzipMembers(t, entries)) + "\x81" + packedText("compressed") + packedText("gzip"),
		"list":   "\x92" + packedText("t") + string(msgp.AppendArrayHeader(nil, 500)) + entries,
	} {
		t.Run(name, func(t *testing.T) {
			var list *Records
			allocations := math.Inf(1) // the fewest: the race detector has pools forget what they hold
			for range 20 {
				allocations = min(allocations, testing.AllocsPerRun(1, func() {
					list = new(Records)
					require.NoError(t, decoder.Decode([]byte(request), true, list))
				}))
			}
			require.Len(t, list.Finish(), 500)
			limit := 35.0
			if name == "gzip" {
				limit = 50 // its readers are pooled, and the race detector has a pool forget
			}
			require.Less(t, allocations, limit)
			require.Less(t, cap(list.written), len(entries)*5/4)
		})
	}
	tight := new(Records)
	tight.Limit(int64(len(entries))/2, false)
	require.ErrorIs(t, decoder.Decode([]byte("\x92"+packedText("t")+packedBytes(entries)), true, tight), ErrMemory)
	require.LessOrEqual(t, tight.Memory(), int64(len(entries)), "no room beyond the limit")
}
