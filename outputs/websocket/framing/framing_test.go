// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package framing

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// parsers take a message apart again, each written independently of the framing
// of that name. A framing without one fails the conformance test.
var parsers = map[string]func(message []byte) (records [][]byte, err error){
	"message": func(message []byte) ([][]byte, error) {
		return [][]byte{message}, nil
	},
	"lines": func(message []byte) ([][]byte, error) {
		body, ended := strings.CutSuffix(string(message), "\n")
		if !ended {
			return nil, errors.New("no newline after the last record")
		}
		var records [][]byte
		for line := range strings.SplitSeq(body, "\n") {
			records = append(records, []byte(line))
		}
		return records, nil
	},
	"array": func(message []byte) ([][]byte, error) {
		var elements []json.RawMessage
		if err := json.Unmarshal(message, &elements); err != nil {
			return nil, err
		}
		records := make([][]byte, 0, len(elements))
		for _, element := range elements {
			records = append(records, element)
		}
		return records, nil
	},
	"concat": func(message []byte) ([][]byte, error) {
		var records [][]byte
		for decoder := json.NewDecoder(bytes.NewReader(message)); ; {
			var record json.RawMessage
			switch err := decoder.Decode(&record); {
			case errors.Is(err, io.EOF):
				return records, nil
			case err != nil:
				return nil, err
			}
			records = append(records, record)
		}
	},
	"forward": func(message []byte) ([][]byte, error) {
		r, err := parseRequest(message)
		if err != nil {
			return nil, err
		}
		var records [][]byte
		for decoder := json.NewDecoder(bytes.NewReader(r.entries)); decoder.More(); {
			var record json.RawMessage
			if err := decoder.Decode(&record); err != nil {
				return nil, err
			}
			records = append(records, record)
		}
		if r.options["size"] != uint64(len(records)) {
			return nil, fmt.Errorf("size is %v, not %d", r.options["size"], len(records))
		}
		return records, nil
	},
}

// conform checks every property of a framing on one list of records, which are
// JSON values without a newline.
func conform(t *testing.T, name string, records [][]byte) {
	t.Helper()
	f, err := Get(name)
	require.NoError(t, err)
	parse, ok := parsers[name]
	require.True(t, ok, "framing %q has no parser in this test: add one to parsers", name)
	if f.Single() {
		records = records[:1]
	}
	before := fmt.Sprintf("%q", records)
	recordBytes := 0
	for _, record := range records {
		recordBytes += len(record)
	}

	const prefix = "what was there"
	dst := f.Append([]byte(prefix), records)
	require.True(t, bytes.HasPrefix(dst, []byte(prefix)), "what was in dst is kept")
	message := dst[len(prefix):]
	require.Len(t, message, f.Size(len(records), recordBytes), "Size says what Append appends")
	require.Equal(t, before, fmt.Sprintf("%q", records), "the records are not changed")

	parsed, err := parse(message)
	require.NoError(t, err)
	require.Equal(t, before, fmt.Sprintf("%q", parsed))

	again := f.Append(nil, records)
	require.Equal(t, message, again, "the same records make the same message")
	clear(again)
	require.Equal(t, before, fmt.Sprintf("%q", records), "the message does not alias the records")
}

func TestEveryFramingConforms(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			conform(t, name, [][]byte{[]byte("{}")})
			conform(t, name, [][]byte{[]byte("{}"), []byte("{}")})
			for range 200 {
				records := make([][]byte, 1+random.IntN(40))
				for i := range records {
					records[i] = jsonRecord(t, random)
				}
				conform(t, name, records)
			}
		})
	}
}

// jsonRecord returns an object whose strings hold what framings could stumble
// over, newlines (which JSON escapes), commas and brackets among it.
func jsonRecord(t *testing.T, random *rand.Rand) []byte {
	t.Helper()
	object := map[string]any{}
	for i := range random.IntN(4) {
		letters := []rune("ab,[]{}\"\\\n\r\t\u2028é\x00 ")
		text := make([]rune, random.IntN(50))
		for j := range text {
			text[j] = letters[random.IntN(len(letters))]
		}
		object[fmt.Sprint(i)] = string(text)
	}
	record, err := json.Marshal(object)
	require.NoError(t, err)
	return record
}

func TestTheBytesAreThoseOfTheContract(t *testing.T) {
	for name, want := range map[string]string{
		"message": `{"a":1}`,
		"lines":   `{"a":1}` + "\n" + `{"b":2}` + "\n",
		"array":   `[{"a":1},{"b":2}]`,
		"concat":  `{"a":1}{"b":2}`,
	} {
		t.Run(name, func(t *testing.T) {
			f, err := Get(name)
			require.NoError(t, err)
			records := [][]byte{[]byte(`{"a":1}`), []byte(`{"b":2}`)}
			require.Equal(t, name == "message", f.Single())
			if f.Single() {
				records = records[:1]
			}
			require.Equal(t, want, string(f.Append(nil, records)))
		})
	}
}

func TestAppendDoesNotAllocateWhereThereIsRoom(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			f, err := Get(name)
			require.NoError(t, err)
			records := [][]byte{[]byte("{}"), []byte(`{"a":1}`)}
			if f.Single() {
				records = records[:1]
			}
			dst := make([]byte, 0, 1024)
			require.Zero(t, testing.AllocsPerRun(100, func() { dst = f.Append(dst[:0], records) }))
		})
	}
}

func TestAnUnknownFramingIsAnErrorThatListsTheKnownOnes(t *testing.T) {
	_, err := Get("csv")
	require.EqualError(t, err, `unknown framing "csv", known are `+strings.Join(Names(), ", "))
	require.Subset(t, Names(), []string{"array", "concat", "lines", "message"})
	require.IsIncreasing(t, Names())
}

func TestANameIsRegisteredOnce(t *testing.T) {
	require.PanicsWithValue(t, `framing "lines" is registered twice`, func() { Register("lines", linesFraming{}) })
}

func FuzzEveryFraming(f *testing.F) {
	f.Add(`{"message":"one"}`, `{}`, uint8(2))
	f.Add("tab\there", "\u2028], [", uint8(9))
	f.Fuzz(func(t *testing.T, a, b string, count uint8) {
		records := make([][]byte, 1+int(count)%16)
		for i := range records {
			text := []string{a, b}[i%2]
			record, err := json.Marshal(map[string]string{"m": text[:min(len(text), 1000)]})
			require.NoError(t, err)
			records[i] = record
		}
		for _, name := range Names() {
			conform(t, name, records)
		}
	})
}
