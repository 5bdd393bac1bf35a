// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

const event = `{"@timestamp":"2021-02-05T22:17:09.123Z","@metadata":{"beat":"filebeat","type":"_doc","version":"8.17.0","_id":"6ba7b8109dad11d1"},` +
	`"agent":{"id":"f47ac10b-58cc-4372-a567-0e02b2c3d479","ephemeral_id":"1","name":"web-1","type":"filebeat","version":"8.17.0"},` +
	`"message":"192.0.2.7 - - [05/Feb/2021:22:17:09 +0000] \"GET /shop/cart HTTP/1.1\" 200 5120","log":{"offset":7,"file":{"path":"/var/log/access.log","inode":"1","device_id":"2"}},` +
	`"host":{"name":"web-1"},"ecs":{"version":"8.0.0"},"input":{"type":"filestream"}}`

// TestKeysStayTheSame guards keys that engines remember: receivers of another version, and
// on other machines, have to come to the same.
func TestKeysStayTheSame(t *testing.T) {
	record, ok := OfRecord([]byte(event))
	require.True(t, ok)
	sender := OfSender("sender")
	request := OfRequest("chunk", [][]byte{[]byte("1"), []byte("2")})
	require.Equal(t, []string{
		"32eada89aeed68f87e1b20b60b9de7cd",
		"c090bfed8a9217c68d593848449ed030",
		"5932bcb886ff190c144fe5bcb3c580a4",
		"26b4ed2aa8ee6e0f296aff2275f5bd59",
		"ec077e62e17f7f243528148fcceaf8f3",
	}, []string{
		string(record.AppendText(nil)),
		string(record.From(sender).AppendText(nil)),
		string(request.AppendText(nil)),
		string(request.From(sender).At(0).AppendText(nil)),
		string(request.From(sender).At(1).AppendText(nil)),
	})
}

func BenchmarkOfRecord(b *testing.B) {
	record := []byte(event)
	b.ReportAllocs()
	b.SetBytes(int64(len(record)))
	for b.Loop() {
		if _, ok := OfRecord(record); !ok {
			b.Fatal("no id")
		}
	}
}

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
			id, agent, ok := recordID([]byte(test.record))
			require.Equal(t, test.id != "", ok)
			if ok {
				require.Equal(t, []string{test.id, test.agent}, []string{string(id), string(agent)})
			}
		})
	}
}

func FuzzRecordID(f *testing.F) {
	f.Add([]byte(event))
	f.Add([]byte(`{"@metadata":{"_id":"a"},"agent":{"id":"b"},"x":[{}],"log":{"offset":1},"y":{"z":{}}}`))
	f.Fuzz(func(t *testing.T, record []byte) {
		if !json.Valid(record) {
			return // Consume sees valid JSON only
		}
		value := bytes.TrimSpace(record)
		if id, agent, ok := recordID(value); ok {
			require.NotEmpty(t, id)
			require.NotEmpty(t, agent)
			require.Contains(t, string(value), string(id))
			first, ok := OfRecord(value)
			require.True(t, ok)
			second, _ := OfRecord(bytes.Clone(value))
			require.Equal(t, first, second)
		}
	})
}

func TestHashesTellNoRequestsApart(t *testing.T) {
	for chunk, want := range map[string]bool{
		"":                                 false,
		"0123456789abcdef0123456789abcdef": false, // of Fluent Bit
		"0123456789ABCDEF0123456789abcdef": true,
		"0123456789abcdef0123456789abcde":  true,
		"PfKBU1CChpDMZxT6CKFOug==":         true,
		"Idempotency-Key\x000123456789abcdef0123456789abcdef": true,
	} {
		require.Equal(t, want, TellsApart(chunk), chunk)
	}
	var keys Keys
	keys.Find("", "forward", []string{"0123456789abcdef0123456789abcdef", "x"}, []int{1, 1}, [][]byte{[]byte("{}"), []byte("{}")})
	require.Zero(t, keys.Of(0))
	require.NotZero(t, keys.Of(1))
}
