// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package post

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/receiver"
	"filebeat-websocket/receiver/decode"
)

func unquoted(t *testing.T, record string) string {
	t.Helper()
	var v struct{ V string }
	require.NoError(t, json.Unmarshal([]byte(record), &v))
	return v.V
}

func csvSeparator(s string) decode.CSVOptions { return decode.CSVOptions{Separator: s} }

// FuzzPost: whatever comes, there is an answer, records are JSON, and no memory is kept.
func FuzzPost(f *testing.F) {
	types := []string{
		"application/json", "application/x-ndjson", "application/x-msgpack", "text/csv", "text/plain",
		"application/x-www-form-urlencoded", "application/xml",
	}
	encodings := []string{"", "gzip", "deflate", "zstd", "br"}
	for i := range types {
		f.Add(uint8(i), uint8(0), []byte(`[{"a":1},{"b":"c"}]`))
		f.Add(uint8(i), uint8(0), []byte("a=b,\"c\"\n\x81\xa1a\x01"))
	}
	f.Add(uint8(2), uint8(0), []byte("\x92\xd7\x00\x3b\x9a\xca\x00\x00\x00\x00\x01\x81\xa1a\x01"))
	f.Add(uint8(1), uint8(1), compressed(f, "gzip", "{}\n"))
	f.Add(uint8(1), uint8(2), compressed(f, "deflate", "{}\n"))
	f.Add(uint8(1), uint8(2), compressed(f, "deflate raw", "{}\n"))
	f.Add(uint8(1), uint8(3), compressed(f, "zstd", "{}\n"))
	f.Add(uint8(1), uint8(3), append([]byte("\x50\x2a\x4d\x18\x03\x00\x00\x00abc"), bytes.Repeat(compressed(f, "zstd", "{}\n"), 2)...))
	sink := &memorySink{}
	intake, err := receiver.NewIntake(sink, receiver.IntakeOptions{MaxMemory: 16 << 20})
	require.NoError(f, err)
	handler, err := New(intake, Options{MaxBodyBytes: 64 << 10})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, kind, encoding uint8, body []byte) {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/ingest", bytes.NewReader(body))
		r.Header.Set("Content-Type", types[int(kind)%len(types)])
		r.Header.Set("Content-Encoding", encodings[int(encoding)%len(encodings)])
		handler.ServeHTTP(w, r)
		intake.Shutdown(context.Background())
		require.Contains(t, []int{204, 400, 413, 415}, w.Code, w.Body)
		if w.Code != http.StatusNoContent {
			require.Empty(t, sink.records)
		}
		for _, record := range sink.records {
			require.True(t, json.Valid([]byte(record)), record)
			require.NotContains(t, record, "\n")
		}
		sink.records = sink.records[:0]
		require.Zero(t, intake.MemoryInUse())
	})
}
