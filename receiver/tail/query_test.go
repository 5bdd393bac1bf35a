// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestQueriesFindWhatTheySay(t *testing.T) {
	r := parse([]byte(`{"message":"Payment of 5 € refused\nat once","host":{"name":"Web-1"},"log":{"level":"error","file":{"path":"/var/log/shop.log"}},"tag":"Ünique","n":18446744073709551615,"on":true,"http.request":{"tags":["a",{"x":"b"}]}}`), false, someone, arrival)
	for parameters, want := range map[string]bool{
		"":                            true,
		"q=payment":                   true,
		"q=PAYMENT":                   true,
		"q=5 €":                       true,
		"q=refund":                    false,
		"q=/refused$/":                false,
		"q=/(?m)refused$/":            true,
		"q=/^Payment/":                true,
		"q=/^payment/":                false,
		"q=/^payment/i":               true,
		"q=/var/log/":                 true,
		"q=ünique":                    true,
		"q=web-1":                     true,
		"q=//":                        false,
		"q=/":                         true,
		"q=/i":                        false,
		"q=[q":                        false,
		"level=error":                 true,
		"level=warn":                  false,
		"level=warn,error":            true,
		"level=,":                     true,
		"host=Web-1":                  true,
		"host=web-1":                  false,
		"q=payment&level=error&host=": true,
		"q=payment&level=info":        false,

		"is=log.level=error":                 true,
		"is=log.level=Error":                 false,
		"not=log.level=error":                false,
		"not=log.level=warn":                 true,
		"is=log.file.path=/var/log/shop.log": true,
		"is=log.file=/var/log/shop.log":      false,
		"is=log=error":                       false,
		"is=n=18446744073709551615":          true,
		"is=n=18446744073709552000":          false,
		"is=on=true":                         true,
		"is=http.request.tags=a":             true,
		"is=http.request.tags.x=b":           true,
		"is=http.request=a":                  false,
		"is=nothing=":                        false,
		"not=nothing=":                       true,
		"is=.host=Web-1":                     true,
		"not=.file=/var/log/shop.log":        false,
		"is=tag=Ünique&q=refund":             false,
		"is=tag=Ünique&not=on=true":          false,
		"is=tag=Ünique&not=on=false":         true,
	} {
		t.Run(parameters, func(t *testing.T) {
			values := url.Values{}
			for pair := range strings.SplitSeq(parameters, "&") {
				key, value, _ := strings.Cut(pair, "=")
				values.Set(key, value)
			}
			q, err := parseQuery(values)
			require.NoError(t, err)
			require.Equal(t, want, q.selects(r) && q.finds(r))
		})
	}
}

func TestQueriesThatAreWrongAreNamed(t *testing.T) {
	for name, test := range map[string]struct {
		values url.Values
		want   string
	}{
		"not a regular expression": {url.Values{"q": {"/a(/"}}, "missing closing"},
		"too many repetitions":     {url.Values{"q": {"/((a{100}){100}){100}/"}}, "invalid repeat count"},
		"too many instructions":    {url.Values{"q": {`/(?:[a-z]?.?\w?\S?[a-z]?.?\w?\S?){990}Q/`}}, "too complex"},
		"a long search":            {url.Values{"q": {strings.Repeat("x", 257)}}, "longer than 256 bytes"},
		"not UTF-8":                {url.Values{"q": {"\xff"}}, "not UTF-8"},
		"an unknown level":         {url.Values{"level": {"info,loud"}}, `no level is called "loud"`},
		"a field without a value":  {url.Values{"is": {"level"}}, "path=value"},
		"a long field":             {url.Values{"not": {"a=" + strings.Repeat("x", 1024)}}, "longer than 1024 bytes"},
		"many fields":              {url.Values{"is": slices.Repeat([]string{"a=b"}, 9)}, "more than 8"},
		"much context":             {url.Values{"q": {"x"}, "context": {"6"}}, "from 0 to 5"},
		"a long host":              {url.Values{"host": {strings.Repeat("x", 1025)}}, "longer than 1024 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseQuery(test.values)
			require.ErrorContains(t, err, test.want)
		})
	}
}

// Whatever is asked for, the answer is an error or a query that can be tried on a
// record.
func FuzzParseQuery(f *testing.F) {
	for _, seed := range []string{"q=payment", "q=/a+b/i", "q=/(a|b)*c{3,9}/", "level=error,warn&host=web-1", "q=%ff", "is=log.level=error&not=a.b=1&context=2&q=x", "q=/%5Cp{Greek}/", "q=/(?i)(?s)./"} {
		f.Add(seed)
	}
	r := parse([]byte(usualRecord), false, someone, arrival)
	f.Fuzz(func(t *testing.T, text string) {
		values, _ := url.ParseQuery(text)
		q, err := parseQuery(values)
		if err != nil {
			return
		}
		q.finds(r)
		require.LessOrEqual(t, len(q.host), maxHostBytes)
	})
}
