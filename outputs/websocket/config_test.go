// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	conf "github.com/elastic/elastic-agent-libs/config"

	"filebeat-websocket/outputs/websocket/internal/settings"
)

func configFrom(t testing.TB, yaml string) *conf.C {
	t.Helper()
	cfg, err := conf.NewConfigWithYAML([]byte(yaml), "test")
	require.NoError(t, err)
	return cfg
}

func mustReadConfig(t *testing.T, yaml string) *config {
	t.Helper()
	c, err := readConfig(configFrom(t, yaml))
	require.NoError(t, err)
	return c
}

func TestConfigDefaultsAreThoseOfTheContract(t *testing.T) {
	c := mustReadConfig(t, `hosts: ["h:1"]`)
	expected := defaultConfig()
	expected.Hosts = []string{"h:1"}
	require.Equal(t, &expected, c)

	require.Equal(t, 1600, c.BatchSize)
	require.Equal(t, settings.Bytes(1048576), c.MaxMessageBytes)
	require.Equal(t, 2, c.Pipelining)
	require.Equal(t, "ping", c.Ack)
	require.Equal(t, 30*time.Second, c.Timeout)
	require.Equal(t, 3, c.RetryLimit)
	require.Equal(t, backoffConfig{Init: time.Second, Max: time.Minute}, c.Backoff)
	require.True(t, c.LoadBalance)
}

func TestConfigReadsEveryWayToWriteAValue(t *testing.T) {
	for name, test := range map[string]struct {
		yaml  string
		value func(*config) any
		want  any
	}{
		"a bare number is seconds":            {`timeout: 5`, func(c *config) any { return c.Timeout }, 5 * time.Second},
		"a fraction of a second":              {`timeout: 0.5`, func(c *config) any { return c.Timeout }, 500 * time.Millisecond},
		"a quoted number is seconds too":      {`timeout: "5"`, func(c *config) any { return c.Timeout }, 5 * time.Second},
		"a duration with its unit":            {`timeout: 1m30s`, func(c *config) any { return c.Timeout }, 90 * time.Second},
		"zero turns the heartbeat off":        {`ping_interval: 0`, func(c *config) any { return c.PingInterval }, time.Duration(0)},
		"a size in bytes":                     {`max_message_bytes: 2048`, func(c *config) any { return c.MaxMessageBytes }, settings.Bytes(2048)},
		"a size in KiB":                       {`max_message_bytes: 2KiB`, func(c *config) any { return c.MaxMessageBytes }, settings.Bytes(2048)},
		"a size in KB":                        {`max_message_bytes: 2KB`, func(c *config) any { return c.MaxMessageBytes }, settings.Bytes(2000)},
		"a number in quotes":                  {`workers: "3"`, func(c *config) any { return c.Workers }, 3},
		"alias worker":                        {`worker: 3`, func(c *config) any { return c.Workers }, 3},
		"alias bulk_max_size":                 {`bulk_max_size: 3`, func(c *config) any { return c.BatchSize }, 3},
		"alias max_retries":                   {`max_retries: -1`, func(c *config) any { return c.RetryLimit }, -1},
		"alias protocol":                      {`protocol: wss`, func(c *config) any { return c.Schema }, "wss"},
		"key and alias that agree":            {`{worker: 3, workers: 3}`, func(c *config) any { return c.Workers }, 3},
		"dotted keys":                         {`backoff.init: 2s`, func(c *config) any { return c.Backoff.Init }, 2 * time.Second},
		"numbers among parameters":            {`parameters: {v: "2"}`, func(c *config) any { return c.Parameters["v"] }, "2"},
		"file permissions as YAML's octal":    {`dead_letter.permissions: 0640`, func(c *config) any { return c.DeadLetter.Permissions }, uint32(0o640)},
		"file permissions as text":            {`dead_letter.permissions: "0640"`, func(c *config) any { return c.DeadLetter.Permissions }, uint32(0o640)},
		"a queue inside the output":           {`queue.mem.events: 100`, func(c *config) any { return c.Queue.Name() }, "mem"},
		"enabled, as libbeat leaves it there": {`enabled: true`, func(c *config) any { return c.Enabled }, true},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := configFrom(t, test.yaml)
			require.NoError(t, cfg.Merge(configFrom(t, `hosts: [h]`)))
			c, err := readConfig(cfg)
			require.NoError(t, err)
			require.Equal(t, test.want, test.value(c))
		})
	}
}

func TestConfigOneHostNeedsNoList(t *testing.T) {
	require.Equal(t, []string{"h:1"}, mustReadConfig(t, `hosts: h:1`).Hosts)
}

func TestConfigErrorsNameTheSetting(t *testing.T) {
	for yaml, want := range map[string][]string{
		`workers: 0`:                              {"output.websocket.workers: must be at least 1"},
		`workers: 1.5`:                            {"output.websocket.workers: must be a whole number"},
		`workers: many`:                           {"output.websocket.workers: "},
		`workers: 99999999999999999999`:           {"output.websocket.workers: is out of range"},
		`max_message_bytes: 18446744073709551615`: {"output.websocket.max_message_bytes: is out of range"},
		`ssl: [{verification_mode: full}]`:        {"output.websocket.ssl: must be a map"},
		`path: "/logs?token=x"`:                   {"output.websocket.path: must not have a query"},
		`workers: true`:                           {"output.websocket.workers: must not be a boolean"},
		`workers: ""`:                             {"output.websocket.workers: is empty"},
		`{worker: 1, workers: 2}`:                 {"output.websocket.workers: differs from its alias worker"},
		`{bulk_max_size: 1, batch_size: 2}`:       {"output.websocket.batch_size: differs from its alias bulk_max_size"},
		`batch_size: 0`:                           {"output.websocket.batch_size: must be at least 1"},
		`workers: 1025`:                           {"output.websocket.workers: must be at most 1024, is 1025: each is a connection"},
		`pipelining: 1025`:                        {"output.websocket.pipelining: must be at most 1024, is 1025: batches in flight stay in memory"},
		`pipelining: 0`:                           {"output.websocket.pipelining: must be at least 1"},
		`max_message_bytes: 1023`:                 {"output.websocket.max_message_bytes: must be at least 1024"},
		`max_message_bytes: big`:                  {`output.websocket.max_message_bytes: "big" is not a size`},
		`max_message_bytes: -1`:                   {"output.websocket.max_message_bytes: must be at least 1024"},
		`max_frame_bytes: 100`:                    {"output.websocket.max_frame_bytes: must be at least 1024"},
		`max_len: -1`:                             {"output.websocket.max_len: must be at least 0"},
		`retry_limit: -2`:                         {"output.websocket.retry_limit: must be at least -1"},
		`timeout: 0`:                              {"output.websocket.timeout: must be above 0"},
		`timeout: soon`:                           {`output.websocket.timeout: "soon" is not a duration`},
		`timeout: [1]`:                            {"output.websocket.timeout: "},
		`timeout: 1e300`:                          {"output.websocket.timeout: is out of range"},
		`connect_timeout: -1s`:                    {"output.websocket.connect_timeout: must be above 0"},
		`write_timeout: 0s`:                       {"output.websocket.write_timeout: must be above 0"},
		`close_timeout: 0`:                        {"output.websocket.close_timeout: must be above 0"},
		`ping_interval: -1`:                       {"output.websocket.ping_interval: must not be negative"},
		`ttl: -1`:                                 {"output.websocket.ttl: must not be negative"},
		`backoff.init: 0`:                         {"output.websocket.backoff.init: must be above 0"},
		`backoff: {init: 2s, max: 1s}`:            {"output.websocket.backoff.max: must not be below backoff.init"},
		`max_read_bytes: 0`:                       {"output.websocket.max_read_bytes: must be at least 1"},
		`ack: maybe`:                              {`output.websocket.ack: unknown ack "maybe", known are`},
		`format: xml`:                             {`output.websocket.format: unknown format "xml", known are csv, form, forward`},
		`framing: zip`:                            {`output.websocket.framing: unknown framing "zip", known are`},
		`{format: raw, framing: array}`:           {"output.websocket.framing: framing array does not go with format: raw, whose records need message or lines"},
		`{format: raw, framing: concat}`:          {"output.websocket.framing: framing concat does not go with format: raw"},
		`{format: json_array, codec.format.string: "%{[message]}"}`: {"output.websocket.codec: framing array does not go with codec.format, whose records need message or lines"},
		`{format: log, codec.json.pretty: true}`:                    {"output.websocket.codec: takes the place of the record of json and raw"},
		`no_such_key: 1`:                                            {"output.websocket.no_such_key: unknown setting"},
		`backoff.mx: 1s`:                                            {"output.websocket.backoff.mx: unknown setting"},
		`slow_start: true`:                                          {"output.websocket.slow_start: unknown setting"},
		`{a_key: 1, b_key: 2, workers: 0}`:                          {"output.websocket.a_key: unknown", "output.websocket.b_key: unknown"},
		`{timeout: 0, workers: 0}`:                                  {"output.websocket.timeout", "output.websocket.workers"},
		`loadbalance: 1`:                                            {"output.websocket.loadbalance: must be true or false"},
		`loadbalance: perhaps`:                                      {"output.websocket.loadbalance"},
		`schema: ftp`:                                               {`output.websocket.schema: must be ws or wss, is "ftp"`},
		`headers: {Host: a}`:                                        {"output.websocket.headers: Host is set with host_header"},
		`headers: {sec-websocket-key: a}`:                           {"output.websocket.headers: sec-websocket-key belongs to the handshake"},
		`headers: {"X Y": a}`:                                       {`output.websocket.headers: "X Y" is not a valid header name`},
		"headers: {X: \"a\\r\\nY: b\"}":                             {"output.websocket.headers: the value of X contains a byte"},
		"origin: \"a\\nb\"":                                         {"output.websocket.origin: is not a valid header value"},
		`queue: 5`:                                                  {"output.websocket.queue"},
		`ssl.verification_mode: never`:                              {"output.websocket.ssl"},
		`ack_field: a.b`:                                            {"output.websocket.ack_field: is for ack: message"},
		`{ack: message, ack_field: a..b}`:                           {"output.websocket.ack_field: is not a field name such as a.b"},
		`event_id: true`:                                            {"output.websocket.event_id: must not be a boolean"},
		`event_id: inode`:                                           {"output.websocket.event_id: must be one of auto, position, off, is \"inode\""},
		`dead_letter: {path: /x, filename: a/b}`:                    {"output.websocket.dead_letter.filename: must be the name of a file"},
		`dead_letter: {path: /x, filename: ""}`:                     {"output.websocket.dead_letter.filename: must be the name of a file"},
		`dead_letter: {path: /x, rotate_every_kb: 0}`:               {"output.websocket.dead_letter.rotate_every_kb: must be at least 1"},
		`dead_letter: {path: /x, number_of_files: 0}`:               {"output.websocket.dead_letter.number_of_files: must be at least 1"},
		`dead_letter: {path: /x, number_of_files: 2000}`:            {"output.websocket.dead_letter.number_of_files: must be at most 1024"},
		`dead_letter: {path: /x, permissions: 01777}`:               {"output.websocket.dead_letter.permissions: must be at most 0777"},
		`dead_letter.permissions: rw`:                               {"output.websocket.dead_letter.permissions"},
	} {
		t.Run(yaml, func(t *testing.T) {
			cfg := configFrom(t, yaml)
			require.NoError(t, cfg.Merge(configFrom(t, `hosts: [h]`)))
			_, err := readConfig(cfg)
			for _, text := range want {
				require.ErrorContains(t, err, text)
			}
		})
	}
}

func TestConfigErrorsKeepSecrets(t *testing.T) {
	for _, yaml := range []string{
		`{hosts: [h], headers: {Authorization: "hunter2\n"}}`,
		`{hosts: ["ws://user:hunter2@h"], username: other}`,
		`{hosts: ["ws://user:hunter2@h:port"]}`,
		`{hosts: ["ws://%zz:hunter2@h"]}`,
		`{hosts: [h], headers: "hunter2"}`,
		`{hosts: [h], origin: {hunter2: hunter2}}`,
		`{hosts: [h], path: "/?token=hunter2"}`,
	} {
		t.Run(yaml, func(t *testing.T) {
			_, err := readConfig(configFrom(t, yaml))
			require.Error(t, err)
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}

func TestEndpoints(t *testing.T) {
	for yaml, want := range map[string][]string{
		`hosts: [h]`:                                 {"ws://h:80/"},
		`hosts: ["h:8080"]`:                          {"ws://h:8080/"},
		`{hosts: [h], schema: wss}`:                  {"wss://h:443/"},
		`{hosts: [h], schema: https, path: ingest}`:  {"wss://h:443/ingest"},
		`{hosts: ["http://h/x", "https://h"]}`:       {"ws://h:80/x", "wss://h:443/"},
		`{hosts: ["WSS://h/x"], schema: ws}`:         {"wss://h:443/x"},
		`{hosts: ["h/own", "g"], path: /other}`:      {"ws://h:80/own", "ws://g:80/other"},
		`{hosts: ["[::1]", "ws://[::1]:99/"]}`:       {"ws://[::1]:80/", "ws://[::1]:99/"},
		`addr: localhost:8080`:                       {"ws://localhost:8080/"},
		`{hosts: ["h?a=1"], parameters: {b: "x y"}}`: {"ws://h:80/?a=1&b=x+y"},
		`{hosts: [10.0.0.2:8080, 10.0.0.3:8080]}`:    {"ws://10.0.0.2:8080/", "ws://10.0.0.3:8080/"},
	} {
		t.Run(yaml, func(t *testing.T) {
			endpoints, err := mustReadConfig(t, yaml).endpoints()
			require.NoError(t, err)
			var urls []string
			for _, endpoint := range endpoints {
				urls = append(urls, endpoint.String())
			}
			require.Equal(t, want, urls)
		})
	}
}

func TestEndpointErrors(t *testing.T) {
	for yaml, want := range map[string]string{
		`{}`:                          "output.websocket.hosts: is missing",
		`hosts: []`:                   "output.websocket.hosts: is missing",
		`hosts: [""]`:                 "output.websocket.hosts: entry 1: is empty",
		`hosts: [h, "ftp://h"]`:       `output.websocket.hosts: entry 2: unknown scheme`,
		`hosts: ["ws://"]`:            "output.websocket.hosts: entry 1: has no host name",
		`hosts: ["h:99999"]`:          `output.websocket.hosts: entry 1: the port is not between`,
		`hosts: ["h:0"]`:              `output.websocket.hosts: entry 1: the port is not between`,
		`hosts: ["h:x"]`:              "output.websocket.hosts: entry 1: ",
		`hosts: ["h/#frag"]`:          "output.websocket.hosts: entry 1: must not have a fragment",
		`hosts: ["::1"]`:              "output.websocket.hosts: entry 1: ",
		`hosts: ["ws://:p@h"]`:        "output.websocket.hosts: entry 1: the user in the URL",
		`{addr: "h:1", hosts: ["g"]}`: "output.websocket.addr: is the short form of hosts",
		`addr: "ftp://h"`:             `output.websocket.addr: entry 1: unknown scheme`,
	} {
		t.Run(yaml, func(t *testing.T) {
			_, err := readConfig(configFrom(t, yaml))
			require.ErrorContains(t, err, want)
		})
	}
}
