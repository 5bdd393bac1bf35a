// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	o, err := Parse("kafka://one,[::1]:9093,three/logs.{agent.name}?create=true&replicas=3&tls=true&sasl=plain")
	require.NoError(t, err)
	require.Equal(t, Options{Brokers: []string{"one:9092", "[::1]:9093", "three:9092"}, Topic: "logs.{agent.name}", Create: true, Replicas: 3, UseTLS: true, SASL: "plain"}, o)
	for url, want := range map[string]string{
		"kafka://h":                             "topic is missing",
		"kafka://h/":                            "topic is missing",
		"kafka:///t":                            "HOST[:PORT]",
		"kafka://h,/t":                          "HOST[:PORT]",
		"kafka://h:/t":                          "HOST[:PORT]",
		"kafka://h:0/t":                         "port",
		"kafka://h:65536/t":                     "port",
		"kafka://user:secret@h/t":               "--out-credentials-file",
		"kafka://h/a b":                         "not valid",
		"kafka://h/a/b":                         "not valid",
		"kafka://h/..":                          "not valid",
		"kafka://h/{":                           "a { without a }",
		"kafka://h/}":                           "a } without a {",
		"kafka://h/{a..b}":                      "not a path",
		"kafka://h/{@peer.name}":                "@peer.address",
		"kafka://h/{a}{b}{c}{d}":                "249",
		"kafka://h/" + strings.Repeat("x", 250): "249",
		"kafka://h/t?secret=1":                  "not known",
		"kafka://h/t?create=yes":                "create",
		"kafka://h/t?create=true&replicas=0":    "replicas",
		"kafka://h/t?replicas=3":                "needs create=true",
		"kafka://h/t?tls=true&tls=true":         "twice",
		"kafka://h/t?sasl=secret":               "scram-sha-512",
		"kafka://h/t?%zz":                       "query",
	} {
		_, err := Parse(url)
		require.ErrorContains(t, err, want, url)
		require.NotContains(t, err.Error(), "secret")
	}
}
