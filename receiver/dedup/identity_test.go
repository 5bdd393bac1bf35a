// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package dedup

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	keys "filebeat-websocket/receiver/internal/identity"
)

func TestRecordID(t *testing.T) {
	for name, test := range map[string]struct{ record, id, agent string }{
		"as a Beat writes it":                          {`{"@metadata":{"beat":"x","_id":"a"},"agent":{"name":"y","id":"b"},"c":1}`, `"a"`, `"b"`},
		"in metadata that come last, with white space": {`{ "b" : [1,{"_id":"z"}] , "agent" : { "id" : "b" } , "@metadata" : { "_id" : "a" , "c" : 1 } }`, `"a"`, `"b"`},
		"a number":                {`{"@metadata":{"_id":-12},"agent":{"id":3}}`, `-12`, `3`},
		"a second one is a field": {`{"@metadata":{"_id":"a"},"agent":{"id":"b"},"@metadata":{"_id":"z"},"agent":{"id":"z"}}`, `"a"`, `"b"`},
		"a second @metadata does not replace the first": {`{"@metadata":{"x":"_id"},"agent":{"id":"b"},"@metadata":{"_id":"z"}}`, ``, ``},
		"without an agent":               {`{"@metadata":{"_id":"a"},"b":1}`, ``, ``},
		"of an agent without an id":      {`{"@metadata":{"_id":"a"},"agent":{"name":"x"}}`, ``, ``},
		"of an agent that is a text":     {`{"@metadata":{"_id":"a"},"agent":"curl/7"}`, ``, ``},
		"flattened":                      {`{"@metadata._id":"a","agent":{"id":"b"}}`, ``, ``},
		"none":                           {`{"@metadata":{"beat":"x"},"agent":{"id":"b"},"a_id":1}`, ``, ``},
		"none without metadata":          {`{"b":{"_id":"z"},"agent":{"id":"b"}}`, ``, ``},
		"an _id of the application":      {`{"_id":"a","@metadata":{},"agent":{"id":"b"}}`, ``, ``},
		"an _id deeper in the metadata":  {`{"@metadata":{"x":{"_id":"a"}},"agent":{"id":"b"}}`, ``, ``},
		"an empty one":                   {`{"@metadata":{"_id":""},"agent":{"id":"b"}}`, ``, ``},
		"null":                           {`{"@metadata":{"_id":null},"agent":{"id":"b"}}`, ``, ``},
		"an object":                      {`{"@metadata":{"_id":{}},"agent":{"id":"b"}}`, ``, ``},
		"metadata that is not an object": {`{"@metadata":"_id","x":"_id","agent":{"id":"b"}}`, ``, ``},
		"an array":                       {`[{"@metadata":{"_id":"a"},"agent":{"id":"b"}}]`, ``, ``},
		"text":                           {`"@metadata._id"`, ``, ``},
	} {
		t.Run(name, func(t *testing.T) {
			n, ok := read([]byte(test.record))
			require.Equal(t, test.id != "", ok)
			if ok {
				require.Equal(t, []string{test.id, test.agent}, []string{string(n.id), string(n.agent)})
			}
		})
	}
}

// TestADedupLeavesOutNothingButTheSame has two records in each row.
func TestADedupLeavesOutNothingButTheSame(t *testing.T) {
	const line = `"message":"m","log":{"offset":7,"file":{"path":"/a","inode":"1"}}`
	const known = `"message":"m","log":{"offset":7,"file":{"path":"/a","fingerprint":"f1","inode":"1"}}`
	const windows = `"message":"m","log":{"offset":7,"file":{"path":"/a","idxlo":"1"}}`
	record := func(timestamp, id, agent, rest string) string {
		return fmt.Sprintf(`{"@timestamp":%q,"@metadata":{"beat":"filebeat","_id":%q},"agent":{"id":%q},%s}`, timestamp, id, agent, rest)
	}
	first := record("2021-02-05T22:17:09.123Z", "a", "x", line)
	const same, other = true, false
	for name, test := range map[string]struct {
		first, second string
		same          bool
	}{
		"the same":                         {first, first, same},
		"read by another run":              {first, strings.Replace(record("2021-02-06T22:17:09.123Z", "a", "x", line), `"id":"x"`, `"id":"x","ephemeral_id":"2","version":"9"`, 1), same},
		"with its fields in another order": {first, record("2021-02-05T22:17:09.123Z", "a", "x", `"log":{"file":{"inode":"1","path":"/a"},"offset":7},"message":"m"`), same},
		"another id":                       {first, record("2021-02-05T22:17:09.123Z", "b", "x", line), other},
		"another agent":                    {first, record("2021-02-05T22:17:09.123Z", "a", "y", line), other},
		"its time behind its place":        {`{"@metadata":{"_id":"a"},"agent":{"id":"x"},` + line + `,"@timestamp":"1"}`, `{"@metadata":{"_id":"a"},"agent":{"id":"x"},` + line + `,"@timestamp":"2"}`, same},
		"objects of an array, their fields in another order": {record("t", "a", "x", `"b":[{"c":1,"d":[2]}, {"e":3}]`), record("t", "a", "x", `"b":[{"d":[2],"c":1}, {"e":3}]`), same},
		"objects of an array in another order":               {record("t", "a", "x", `"b":[{"c":1},{"d":2}]`), record("t", "a", "x", `"b":[{"d":2},{"c":1}]`), other},
		"another line with the same id":                      {first, record("2021-02-05T22:17:09.123Z", "a", "x", strings.Replace(line, "m", "n", 1)), other},
		"another place":                                      {first, record("2021-02-05T22:17:09.123Z", "a", "x", strings.Replace(line, "7", "8", 1)), other},
		"another file":                                       {first, record("2021-02-05T22:17:09.123Z", "a", "x", strings.Replace(line, `"inode":"1"`, `"inode":"2"`, 1)), other},
		"a file that was renamed":                            {first, record("2021-02-05T22:17:09.123Z", "a", "x", strings.Replace(line, "/a", "/b", 1)), same},
		"a file of Windows that was renamed":                 {record("t", "a", "x", windows), record("t", "a", "x", strings.Replace(windows, "/a", "/b", 1)), same},
		"a known file on another disk":                       {record("t", "a", "x", known), record("t", "a", "x", strings.Replace(strings.Replace(known, `"inode":"1"`, `"inode":"2"`, 1), "/a", "/b", 1)), same},
		"another file on the same inode":                     {record("t", "a", "x", known), record("t", "a", "x", strings.Replace(known, "f1", "f2", 1)), other},
		"a file with a fingerprint or not":                   {record("t", "a", "x", known), record("t", "a", "x", strings.Replace(known, `"fingerprint":"f1",`, "", 1)), other},
		"a file that has only a path":                        {record("t", "a", "x", `"log":{"offset":7,"file":{"path":"/a"}}`), record("t", "a", "x", `"log":{"offset":7,"file":{"path":"/b"}}`), other},
		"swapped values":                                     {record("t", "a", "x", `"b":{"c":1,"d":2}`), record("t", "a", "x", `"b":{"c":2,"d":1}`), other},
		"an additional field":                                {first, record("2021-02-05T22:17:09.123Z", "a", "x", line+`,"more":1`), other},
		"a field that is there twice":                        {record("t", "a", "x", `"b":1`), record("t", "a", "x", `"b":1,"b":1`), other},
		"another second @timestamp":                          {record("t", "a", "x", line+`,"@timestamp":1`), record("t", "a", "x", line+`,"@timestamp":2`), other},
		"another time, without a place":                      {record("1", "a", "x", `"message":"m"`), record("2", "a", "x", `"message":"m"`), other},
		"the same time, without a place":                     {record("1", "a", "x", `"message":"m"`), record("1", "a", "x", `"message":"m"`), same},
		"a message like an object":                           {record("1", "a", "x", `"m":"{}"`), record("1", "a", "x", `"m":{}`), other},
	} {
		t.Run(name, func(t *testing.T) {
			one, _ := keys.OfRecord([]byte(test.first))
			two, _ := keys.OfRecord([]byte(test.second))
			require.Equal(t, test.same, one == two, "by the keys that engines get")
			for _, records := range [][]string{{test.first, test.second}, {test.second, test.first}} {
				for _, format := range []string{"json", "json_lines", "json_array", "json_stream", "msgpack", "forward"} {
					d, s := dedupOf(10)
					for _, r := range records {
						m := messageOf(r)
						m.Format = format
						require.NoError(t, d.Consume(t.Context(), m))
					}
					if test.same {
						require.Equal(t, records[:1], s.got())
					} else {
						require.Equal(t, records, s.got())
					}
				}
			}
		})
	}
	t.Run("and not what another sender sends", func(t *testing.T) {
		d, s := dedupOf(10)
		for _, sender := range []string{"", "one", "two", "one"} {
			m := messageOf(first)
			m.Peer.Sender = sender
			require.NoError(t, d.Consume(t.Context(), m))
			m = messageOf(`{}`)
			m.Peer.Sender, m.Chunks, m.ChunkRecords = sender, []string{"chunk"}, []int{1}
			require.NoError(t, d.Consume(t.Context(), m))
		}
		require.Equal(t, []string{first, `{}`, first, `{}`, first, `{}`}, s.got())
	})
	t.Run("nor a chunk with other records", func(t *testing.T) {
		d, s := dedupOf(10)
		for _, record := range []string{"1", "2", "1"} {
			m := messageOf(record)
			m.Chunks, m.ChunkRecords = []string{"chunk"}, []int{1}
			require.NoError(t, d.Consume(t.Context(), m))
		}
		require.Equal(t, []string{"1", "2"}, s.got())
	})
	t.Run("nor what is content in formats without ids", func(t *testing.T) {
		for _, format := range []string{"raw", "log", "gelf", "ltsv", "csv", "form"} {
			d, s := dedupOf(10)
			m := messageOf(first, first)
			m.Format = format
			require.NoError(t, d.Consume(t.Context(), m))
			require.Len(t, s.got(), 2, format)
			require.Zero(t, m.Duplicates)
		}
	})
}

func TestTheFirstOfTwoIDsCounts(t *testing.T) {
	n, ok := read([]byte(`{"@metadata":{"_id":"first","_id":"second"},"agent":{"id":"x"}}`))
	require.True(t, ok)
	require.Contains(t, string(n.id), "first")
}

func FuzzRecordID(f *testing.F) {
	f.Add([]byte(withID("a", 1)))
	f.Add([]byte(`{"@metadata":{"_id":"a"},"agent":{"id":"b"},"x":[{}],"log":{"offset":1},"y":{"z":{}}}`))
	f.Fuzz(func(t *testing.T, record []byte) {
		if !json.Valid(record) {
			return // Consume sees valid JSON only
		}
		if n, ok := read(bytes.TrimSpace(record)); ok {
			require.NotEmpty(t, n.id)
			require.NotEmpty(t, n.agent)
			require.Contains(t, string(record), string(n.id))
			again, _ := read(bytes.Clone(bytes.TrimSpace(record)))
			require.Equal(t, n.identity(), again.identity())
		}
	})
}
