// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"net/url"
	"testing"
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/elastic-agent-libs/mapstr"
	"github.com/stretchr/testify/require"
)

func TestFormRecords(t *testing.T) {
	at := time.Date(2021, 2, 5, 22, 17, 9, 123456789, time.UTC)
	const time = "%40timestamp=2021-02-05T22%3A17%3A09.123Z"
	for description, test := range map[string]struct {
		fields mapstr.M
		record string
	}{
		"nothing":                       {record: time},
		"fields by their sorted names":  {fields: mapstr.M{"b": 1, "a": mapstr.M{"z": 1.5, "y": true}}, record: time + "&a.y=true&a.z=1.5&b=1"},
		"null and nothing":              {fields: mapstr.M{"n": nil, "t": "", "l": []any{}, "o": mapstr.M{}}, record: time + "&n=&t="},
		"a list":                        {fields: mapstr.M{"l": []any{"b", nil, 1, "a"}}, record: time + "&l=b&l=&l=1&l=a"},
		"a list of strings":             {fields: mapstr.M{"l": []string{"b", "a"}}, record: time + "&l=b&l=a"},
		"a list of numbers":             {fields: mapstr.M{"l": []int{2, 1}}, record: time + "&l=2&l=1"},
		"lists within lists":            {fields: mapstr.M{"l": []any{[]any{2, []string{"x"}}, 1}}, record: time + "&l=2&l=x&l=1"},
		"objects within lists":          {fields: mapstr.M{"l": []any{mapstr.M{"a": 2, "b": 1}, mapstr.M{"a": 3}}}, record: time + "&l.a=2&l.a=3&l.b=1"},
		"a list of objects":             {fields: mapstr.M{"l": []mapstr.M{{"a": 2}, nil, {"a": 1}}}, record: time + "&l.a=2&l.a=1"},
		"a field that is called so":     {fields: mapstr.M{"@timestamp": "mine", "a": 1}, record: time + "&a=1"},
		"bytes that stay":               {fields: mapstr.M{"a": "azAZ09*-._"}, record: time + "&a=azAZ09*-._"},
		"bytes that do not":             {fields: mapstr.M{"a b": "~ !'()+&=%/\x00\x7f"}, record: time + "&a+b=%7E+%21%27%28%29%2B%26%3D%25%2F%00%7F"},
		"characters of several bytes":   {fields: mapstr.M{"ü": "日🙂"}, record: time + "&%C3%BC=%E6%97%A5%F0%9F%99%82"},
		"bytes that are not UTF-8":      {fields: mapstr.M{"a": "\xff\xc3(\xe2\x82"}, record: time + "&a=%EF%BF%BD%EF%BF%BD%28%EF%BF%BD%EF%BF%BD"},
		"bytes where text is usual":     {fields: mapstr.M{"a": []byte("x y")}, record: time + "&a=x+y"},
		"a time, a duration, a pointer": {fields: mapstr.M{"d": 5 * 1e9, "p": new("x\ny"), "t": at}, record: time + "&d=5e%2B09&p=x%0Ay&t=2021-02-05T22%3A17%3A09.123Z"},
	} {
		t.Run(description, func(t *testing.T) {
			record, err := newTestEncoder(t, "form").Append(nil, &beat.Event{Timestamp: at, Fields: test.fields})
			require.NoError(t, err)
			require.Equal(t, test.record, string(record))
			_, err = url.ParseQuery(string(record))
			require.NoError(t, err)
		})
	}
}
