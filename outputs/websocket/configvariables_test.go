// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// textsOfVariables look like something else, or like the beginning of it.
var textsOfVariables = []string{
	"0123456", "007", "1e5", "0x1F", "1_000", "1.10", "12345678901234567890123", "null", "true", "off", "t",
	"'x'", `"x"`, "a,b", ",a", "a,", "[x]", "[x", `"x`, "'x", "{x", "{x: y}", "x:y", ":x", "#x", "@x", "%x", "%2c",
	"$x", "${x}", "x${", `a\b`, `'a"b\c,d`, "ä",
}

func TestVariablesInSettingsOfTextArriveAsWritten(t *testing.T) {
	for _, text := range textsOfVariables {
		t.Run(text, func(t *testing.T) {
			t.Setenv("V", text)
			c := mustReadConfig(t, `{hosts: [h], username: me, password: "${V}", headers: {X-Key: "${V}"}, parameters: {a.b: "${V}"}, forward.shared_key: "${V}", ssl.key_passphrase: "${V}", dead_letter.path: "x${V}"}`)
			require.Equal(t, text, c.Password)
			require.Equal(t, text, c.Headers["X-Key"])
			require.Equal(t, text, c.Parameters["a.b"])
			require.Equal(t, text, c.Forward.SharedKey)
			require.Equal(t, text, c.TLS.Certificate.Passphrase)
		})
	}
}

// YAML reads 0123 as 83 before this output sees it.
func TestNumbersInSettingsOfTextAreRefused(t *testing.T) {
	for setting, yaml := range map[string]string{
		"username":           `username: 0123`,
		"password":           `{username: me, password: 0123456}`,
		"api_key":            `api_key: 0x1F`,
		"bearer_token":       `bearer_token: 1e5`,
		"headers":            `headers: {X-Key: 1_000}`,
		"parameters":         `parameters: {a.b: 1.10}`,
		"proxy_headers":      `proxy_headers: {X-Key: -0}`,
		"forward.shared_key": `forward.shared_key: 12345678901234567890123`,
		"subprotocols":       `subprotocols: [a, 1.10]`,
		"ssl.key_passphrase": `ssl.key_passphrase: 0123`,
		"ssl.ca_sha256":      `ssl.ca_sha256: 0123`,
	} {
		t.Run(setting, func(t *testing.T) {
			cfg := configFrom(t, yaml)
			require.NoError(t, cfg.Merge(configFrom(t, `hosts: [h]`)))
			_, err := readConfig(cfg)
			require.ErrorContains(t, err, "output.websocket."+setting)
			require.ErrorContains(t, err, "put it in quotes")
		})
	}
}

func TestVariablesInOtherSettingsAreRead(t *testing.T) {
	for name, test := range map[string]struct {
		text, yaml string
		value      func(*config) any
		want       any
	}{
		"a number":                  {"3", `workers: "${V}"`, func(c *config) any { return c.Workers }, 3},
		"a boolean":                 {"off", `loadbalance: "${V}"`, func(c *config) any { return c.LoadBalance }, false},
		"a duration":                {"1m", `timeout: "${V}"`, func(c *config) any { return c.Timeout }, time.Minute},
		"seconds":                   {"5", `timeout: "${V}"`, func(c *config) any { return c.Timeout }, 5 * time.Second},
		"a default":                 {"", `timeout: "${V:7s}"`, func(c *config) any { return c.Timeout }, 7 * time.Second},
		"a part of a text":          {"0123", `origin: "https://${V}.example"`, func(c *config) any { return c.Origin }, "https://0123.example"},
		"a list":                    {"a, b", `subprotocols: "${V}"`, func(c *config) any { return c.Subprotocols }, []string{"a", "b"}},
		"a list in brackets":        {`["a", b]`, `subprotocols: "${V}"`, func(c *config) any { return c.Subprotocols }, []string{"a", "b"}},
		"a list in a list":          {"a,b", `subprotocols: ["${V}", c]`, func(c *config) any { return c.Subprotocols }, []string{"a", "b", "c"}},
		"a list of libbeat's":       {"TLSv1.2,TLSv1.3", `ssl.supported_protocols: "${V}"`, func(c *config) any { return len(c.TLS.Versions) }, 2},
		"a boolean of libbeat's":    {"false", `ssl.enabled: "${V}"`, func(c *config) any { return *c.TLS.Enabled }, false},
		"a setting with an alias":   {"x", `{protocol: wss, schema: wss}`, func(c *config) any { return c.Schema }, "wss"},
		"an address in brackets":    {"[::1]:80", `origin: "${V}"`, func(c *config) any { return c.Origin }, "[::1]:80"},
		"a reference to a variable": {"0123", `{password: "${other}", username: me, other: "${V}"}`, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("V", test.text)
			cfg := configFrom(t, test.yaml)
			require.NoError(t, cfg.Merge(configFrom(t, `hosts: [h]`)))
			if test.value == nil {
				_, err := readConfig(cfg)
				require.ErrorContains(t, err, "output.websocket.other: unknown setting")
				return
			}
			c, err := readConfig(cfg)
			require.NoError(t, err)
			require.Equal(t, test.want, test.value(c))
		})
	}
}

func TestHostsInAVariable(t *testing.T) {
	for _, yaml := range []string{`hosts: "${V}"`, `hosts: ["${V}"]`} {
		t.Run(yaml, func(t *testing.T) {
			t.Setenv("V", "a:1, wss://b/x")
			require.Equal(t, []string{"a:1", "wss://b/x"}, mustReadConfig(t, yaml).Hosts)
			t.Setenv("V", "a:1,")
			_, err := readConfig(configFrom(t, yaml))
			require.ErrorContains(t, err, "output.websocket.hosts: entry 2: is empty")
			t.Setenv("V", "wss://user:s3cret,s3cret@host/x")
			_, err = readConfig(configFrom(t, yaml))
			require.ErrorContains(t, err, "output.websocket.hosts: entry 1: ")
			require.NotContains(t, err.Error(), "s3cret")
		})
	}
}

func TestErrorsAboutVariablesNameTheSettingOnly(t *testing.T) {
	for _, text := range []string{",s3cret", "[s3cret", `"s3cret`, "'s3cret", "{s3cret", "s3cret\n", ",[\"'"} {
		for _, setting := range []string{"password", "username", "bearer_token", "api_key", "origin", "user_agent", "workers", "hosts", "headers", "headers.X", "forward.shared_key", "ssl", "ssl.key_passphrase", "ssl.certificate", "proxy_url", "queue", "codec", "dead_letter", "csv", "queue.mem.events", "addr"} {
			t.Run(setting+" "+text, func(t *testing.T) {
				t.Setenv("V", text)
				for _, value := range []string{"${V}", "'${V}", "[${V}"} {
					c, err := readConfig(configFrom(t, setting+`: "`+value+`"`))
					if err == nil {
						err = c.Validate()
					}
					if err != nil {
						require.NotContains(t, err.Error(), "s3cret")
						require.NotContains(t, err.Error(), "\x00")
					}
				}
			})
		}
	}
	_, err := readConfig(configFrom(t, `{hosts: [h], bearer_token: "${NOT_SET_ANYWHERE}"}`))
	require.ErrorContains(t, err, "bearer_token: ")
	require.ErrorContains(t, err, "not set")
}

func TestNamesWithDots(t *testing.T) {
	c := mustReadConfig(t, `{hosts: [h], headers: {"X.Tenant": a, "X.Y.Z": b}, parameters: {"agent.id": c}, proxy_headers: {"P.Q": d}}`)
	require.Equal(t, map[string]string{"X.Tenant": "a", "X.Y.Z": "b"}, c.Headers)
	require.Equal(t, map[string]string{"agent.id": "c"}, c.Parameters)
	require.Equal(t, map[string]string{"P.Q": "d"}, c.ProxyHeaders)
	_, err := readConfig(configFrom(t, `{hosts: [h], headers: {"X.0": a}}`))
	require.ErrorContains(t, err, "output.websocket.headers: X is a list, or has a number behind a dot")
}

func TestUnknownSettingsAreCorrected(t *testing.T) {
	for yaml, want := range map[string]string{
		"bearer_tokn: x":          "output.websocket.bearer_tokn: unknown setting; did you mean bearer_token?",
		"host: x":                 "did you mean hosts?",
		"backoff.mx: 1s":          "output.websocket.backoff.mx: unknown setting; did you mean max?",
		"dead_leter.path: x":      "did you mean dead_letter?",
		"ssl.verfication_mode: x": "output.websocket.ssl.verfication_mode: unknown setting; did you mean verification_mode?",
		"ssl.key_pasphrase: x":    "did you mean key_passphrase?",
		"hsots: x":                "did you mean hosts?",
		"csv.feilds: x":           "output.websocket.csv.feilds: unknown setting; did you mean fields?",
		"json_date_kye: x":        "did you mean json_date_key?",
		"bulk_max_sise: 1":        "did you mean bulk_max_size?",
		"something_else: 1":       "output.websocket.something_else: unknown setting",
		"forward.shared_keys: xy": "did you mean shared_key?",
	} {
		t.Run(yaml, func(t *testing.T) {
			_, err := readConfig(configFrom(t, yaml))
			require.ErrorContains(t, err, want)
			if strings.Contains(yaml, "something") {
				require.NotContains(t, err.Error(), "mean")
			}
		})
	}
}

func TestTLSBeginsAt12(t *testing.T) {
	for yaml, oldest := range map[string]string{
		"ssl.verification_mode: none":         "TLSv1.2",
		"ssl.supported_protocols: [TLSv1.1]":  "TLSv1.1",
		"ssl: {supported_protocols: TLSv1.3}": "TLSv1.3",
	} {
		t.Run(yaml, func(t *testing.T) {
			c := mustReadConfig(t, "{hosts: [h], "+yaml+"}")
			loaded, err := loadTLS(c.TLS.common())
			require.NoError(t, err)
			require.Equal(t, oldest, c.TLS.Versions[0].String())
			require.Equal(t, uint16(c.TLS.Versions[0]), loaded.BuildModuleClientConfig("h").MinVersion)
		})
	}
}
