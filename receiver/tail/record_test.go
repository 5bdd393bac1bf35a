// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/receiver"
)

var (
	arrival = time.UnixMilli(1_700_000_000_000)
	someone = receiver.Peer{ID: 1, RemoteAddr: "[2001:db8::1]:4711"}
)

func TestRowsHaveWhatRecordsHold(t *testing.T) {
	const at = 1612563429123 // 2021-02-05T22:17:09.123Z
	for name, test := range map[string]struct {
		record string
		want   row
	}{
		"a usual event":        {usualRecord, row{Time: at, Level: "info", Host: "web-1", File: "/var/log/nginx/access.log", Message: `198.51.100.7 - - [05/Feb/2021:22:17:09 +0000] "GET /articles/17 HTTP/1.1" 200 4711`}},
		"dotted names":         {`{"@timestamp":"2021-02-05T22:17:09.123456789Z","log.level":"WARN","host.name":"h","log.file.path":"/f","message":"m"}`, row{Time: at, Level: "warn", Host: "h", File: "/f", Message: "m"}},
		"gelf":                 {`{"version":"1.1","host":"h","short_message":"m","timestamp":1612563429.123,"level":3,"_log_file_path":"/f"}`, row{Time: at, Level: "error", Host: "h", File: "/f", Message: "m"}},
		"gelf's level in text": {`{"host":"h","short_message":"m","timestamp":1612563429.123,"level":"6"}`, row{Time: at, Level: "info", Host: "h", Message: "m"}},
		"a form's numbers":     {`{"time":"1612563429123","message":"m"}`, row{Time: at, Level: "other", Host: "2001:db8::1", Message: "m"}},
		"java_sql_timestamp":   {`{"date":"2021-02-05 22:17:09.123456","message":"m"}`, row{Time: at, Level: "other", Host: "2001:db8::1", Message: "m"}},
		"pino":                 {`{"level":40,"time":1612563429123,"hostname":"h","msg":"m"}`, row{Time: at, Level: "warn", Host: "h", Message: "m"}},
		"a log line as it is":  {`{"timestamp":"2021-02-05T22:17:09.123Z","message":"[error] m"}`, row{Time: at, Level: "error", Host: "2001:db8::1", Message: "[error] m"}},
		"log as the message":   {`{"log":"ERROR m\n","date":1612563429.123}`, row{Time: at, Level: "error", Host: "2001:db8::1", Message: "ERROR m\n"}},
		"not an object":        {`[1,2]`, row{Time: arrival.UnixMilli(), Level: "other", Host: "2001:db8::1", Message: "[1,2]"}},
		"no known field":       {`{"a":1}`, row{Time: arrival.UnixMilli(), Level: "other", Host: "2001:db8::1", Message: `{"a":1}`}},
		"all fields of other types": {`{"@timestamp":{},"message":[],"log":7,"host":[1],"level":{},"file":false,"severity":null,"hostname":1e400}`,
			row{Time: arrival.UnixMilli(), Level: "other", Host: "2001:db8::1", Message: `{"@timestamp":{},"message":[],"log":7,"host":[1],"level":{},"file":false,"severity":null,"hostname":1e400}`}},
	} {
		t.Run(name, func(t *testing.T) {
			r := parse([]byte(test.record), false, someone, arrival)
			var got row
			require.NoError(t, json.Unmarshal(r.encode(), &got))
			test.want.Addr, test.want.Raw = someone.RemoteAddr, test.record
			require.Equal(t, test.want, got)
		})
	}
}

func TestALongRecordIsCut(t *testing.T) {
	raw := `{"message":"` + strings.Repeat("ü", 40<<10) + `"}`
	r := parse([]byte(raw), false, someone, arrival)
	var got row
	require.NoError(t, json.Unmarshal(r.encode(), &got))
	require.True(t, got.Cut)
	require.LessOrEqual(t, len(got.Raw), maxRecordShown)
	require.LessOrEqual(t, len(got.Message), maxMessageShown+len("…"))
	require.True(t, strings.HasSuffix(got.Message, "ü…"))

	r = parse([]byte(raw[:maxRecordBytes]), true, someone, arrival)
	require.NoError(t, json.Unmarshal(r.encode(), &got))
	require.True(t, got.Cut)
	require.True(t, strings.HasPrefix(got.Message, `{"message":"ü`), "half a record is shown as it is")
}

func TestLevelsAreFoundInText(t *testing.T) {
	for text, want := range map[string]level{
		"2021-02-05 22:17:09 ERROR something":                        levelError,
		"2021-02-05 22:17:09 [warn] something":                       levelWarn,
		"2021/02/05 22:17:09 [error] 31#31: *1 connect() failed":     levelError,
		"[Fri Feb 05 22:17:09 2021] [core:notice] [pid 1] x [error]": levelError,
		"time=2021-02-05 level=debug msg=x":                          levelDebug,
		`{"severity": "critical"}`:                                   levelError,
		"level=\"WARN\" msg=x":                                       levelWarn,
		"error: something":                                           levelError,
		"panic: runtime error":                                       levelError,
		"<err> something":                                            levelError,
		"INFO: ERROR in the text":                                    levelInfo,
		"LOG:  checkpoint complete":                                  levelInfo,
		"FATAL:  password authentication failed":                     levelError,
		"there was no error at all":                                  levelOther,
		"GET /error?level=error HTTP/1.1":                            levelOther,
		`1.2.3.4 - - [x] "GET /ERROR HTTP/1.1" 200 5`:                levelInfo,
		`1.2.3.4 - - [x] "GET / HTTP/1.1" 404 5`:                     levelWarn,
		`1.2.3.4 - - [x] "GET / HTTP/2.0" 503`:                       levelError,
		`1.2.3.4 - - [x] "GET / HTTP/1.1" 20`:                        levelOther,
		`1.2.3.4 - - [x] "GET / HTTP/1.1" 2000`:                      levelOther,
		"terror ERRORS X-ERROR my_error":                             levelOther,
		"":                                                           levelOther,
	} {
		t.Run(text, func(t *testing.T) { require.Equal(t, want.String(), levelOf(text).String()) })
	}
	for number, want := range map[string]level{"0": levelError, "3": levelError, "4": levelWarn, "6": levelInfo, "7": levelDebug, "10": levelDebug, "20": levelDebug, "30": levelInfo, "40": levelWarn, "60": levelError} {
		require.Equal(t, want, levelOf("", json.RawMessage(number)), number)
		require.Equal(t, want, levelOf("", json.RawMessage(`"`+number+`"`)), number)
	}
	require.Equal(t, levelWarn, levelOf("ERROR", nil, json.RawMessage(`"nonsense"`), json.RawMessage(`" Warning "`)))
	require.Equal(t, levelError, levelOf("ERROR", json.RawMessage(`999`), json.RawMessage(`"nonsense"`)))
}

// A record is one JSON value, by the contract of a Message, but may be cut. Its row
// is valid JSON of bounded length whatever it holds.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{usualRecord, `{}`, `{"message":"<script>"}`, `{"level":1e999,"time":-5}`, `"\ud800"`, `{"host":{"name":{}}}`, `{"message":"\u001b[31m"`, "\xff", ""} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, raw []byte, cut bool) {
		r := parse(raw, cut, someone, arrival)
		encoded := r.encode()
		var got row
		require.NoError(t, json.Unmarshal(encoded, &got))
		require.NotContains(t, string(encoded), "\n")
		require.True(t, utf8.Valid(encoded))
		require.Less(t, len(got.Message)+len(got.Raw)+len(got.Host)+len(got.File), 4*(maxMessageShown+maxRecordShown+2*maxNameShown))
	})
}
