// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"testing"

	conf "github.com/elastic/elastic-agent-libs/config"
	"github.com/stretchr/testify/require"
)

func TestOptionsThatCanNotBeUsedAreErrorsWithTheirName(t *testing.T) {
	for description, test := range map[string]struct {
		codec   string
		options map[string]any
		says    string
	}{
		"a version of msgpack that there is not":  {"msgpack", map[string]any{"version": 3}, "version: must be 1 or 2, is 3"},
		"csv without fields":                      {"csv", nil, "fields: is required"},
		"csv with an empty column":                {"csv", map[string]any{"fields": []string{"a", ""}}, "fields: holds an empty name"},
		"csv without a separator":                 {"csv", map[string]any{"fields": []string{"a"}, "separator": ""}, "separator: must be one character"},
		"csv with two separators":                 {"csv", map[string]any{"fields": []string{"a"}, "separator": ",;"}, "separator: must be one character"},
		"csv separated by quotes":                 {"csv", map[string]any{"fields": []string{"a"}, "separator": "\""}, "separator: can't be a quote"},
		"csv separated by line breaks":            {"csv", map[string]any{"fields": []string{"a"}, "separator": "\n"}, "separator: can't be a quote, a line break"},
		"csv with a header":                       {"csv", map[string]any{"fields": []string{"a"}, "header": true}, "header: only false is accepted"},
		"ltsv without a delimiter":                {"ltsv", map[string]any{"delimiter": ""}, "delimiter: must be one character"},
		"ltsv with a delimiter that labels have":  {"ltsv", map[string]any{"delimiter": "."}, "delimiter: can't be a line break, NUL, or what labels"},
		"ltsv delimited by line breaks":           {"ltsv", map[string]any{"label_delimiter": "\n"}, "label_delimiter: can't be a line break"},
		"ltsv with one delimiter for both":        {"ltsv", map[string]any{"label_delimiter": "\t"}, "label_delimiter: must not be the delimiter"},
		"ltsv escaping with its delimiter":        {"ltsv", map[string]any{"delimiter": `\`, "escape": true}, "delimiter: can't be a backslash with escape"},
		"ltsv with a date that there is not":      {"ltsv", map[string]any{"json_date_format": "rfc"}, `json_date_format: unknown format "rfc"`},
		"json with a date that there is not":      {"json", map[string]any{"json_date_key": "date", "json_date_format": "rfc"}, `json_date_format: unknown format "rfc"`},
		"json with the format of a date it lacks": {"json", map[string]any{"json_date_format": "epoch"}, "json_date_format: needs json_date_key"},
		"a setting that gelf does not have":       {"gelf", map[string]any{"hostkey": "x"}, "hostkey: unknown setting"},
		"a setting that ltsv does not have":       {"ltsv", map[string]any{"separator": "x"}, "separator: unknown setting"},
		"a setting of log":                        {"log", map[string]any{"pretty": true}, "pretty: unknown setting"},
		"a setting of raw":                        {"raw", map[string]any{"pretty": true}, "pretty: unknown setting"},
		"a setting of form":                       {"form", map[string]any{"pretty": true}, "pretty: unknown setting"},
		"a setting of forward":                    {"forward", map[string]any{"version": 1}, "version: unknown setting"},
		"a value of the wrong kind":               {"msgpack", map[string]any{"version": "two"}, "version"},
	} {
		t.Run(description, func(t *testing.T) {
			_, _, err := New(test.codec, testInfo, conf.MustNewConfigFrom(test.options))
			require.ErrorContains(t, err, "codec "+test.codec+": ")
			require.ErrorContains(t, err, test.says)
		})
	}
}

func TestOptionsMayBeLeftOut(t *testing.T) {
	for _, name := range Names() {
		_, _, err := New(name, testInfo, nil)
		if traits[name].required == nil {
			require.NoError(t, err, name)
		} else {
			require.ErrorContains(t, err, "is required", name)
		}
	}
}

// An output that has the options among its own settings hands them on as a section.
func TestOptionsAreTheSectionOfTheirCodec(t *testing.T) {
	for _, name := range Names() {
		kind, err := Get(name)
		require.NoError(t, err)
		if kind.Options == nil {
			continue
		}
		options := kind.Options()
		require.NoError(t, conf.MustNewConfigFrom(traits[name].required).Unpack(options), name)
		require.NoError(t, options.Validate(), name)
		_, _, err = New(name, testInfo, conf.MustNewConfigFrom(options))
		require.NoError(t, err, name)
		for _, field := range Fields(options) {
			require.NotEmpty(t, field.Key, "codec %s has an option without config tag", name)
		}
	}
}

func TestASectionMayBeEnabled(t *testing.T) {
	_, _, err := New("raw", testInfo, conf.MustNewConfigFrom(map[string]any{"enabled": true}))
	require.NoError(t, err)
}
