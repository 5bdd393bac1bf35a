// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package settings

import (
	"errors"
	"testing"

	"github.com/elastic/go-ucfg"
	"github.com/elastic/go-ucfg/parse"
	"github.com/stretchr/testify/require"

	conf "github.com/elastic/elastic-agent-libs/config"
)

type testTarget struct {
	Text    string            `config:"text" alias:"words"`
	Texts   []string          `config:"texts"`
	Number  int               `config:"number"`
	Size    Bytes             `config:"size"`
	Map     map[string]string `config:"map"`
	Section struct {
		Inner string `config:"inner"`
	} `config:"section"`
}

// resolveWith makes this the Beat's resolver, as its keystore is one.
func resolveWith(t *testing.T, texts map[string]string) {
	t.Helper()
	options := []ucfg.Option{ucfg.PathSep("."), ucfg.ResolveEnv, ucfg.VarExp}
	t.Cleanup(func() { conf.OverwriteConfigOpts(options) })
	conf.OverwriteConfigOpts([]ucfg.Option{ucfg.PathSep("."), ucfg.Resolve(func(name string) (string, parse.Config, error) {
		if text, known := texts[name]; known {
			return text, parse.NoopConfig, nil
		}
		return "", parse.NoopConfig, ucfg.ErrMissing
	}), ucfg.ResolveEnv, ucfg.VarExp})
}

func readYAML(t *testing.T, yaml string) (*testTarget, error) {
	t.Helper()
	cfg, err := conf.NewConfigFrom(yaml)
	require.NoError(t, err)
	section, err := Open(cfg, "output.x")
	if err != nil {
		return nil, err
	}
	into := &testTarget{}
	if err := section.ResolveAliases(into); err != nil {
		return nil, err
	}
	return into, section.Decode(section.Values, into, func(key string) string { return key })
}

func TestTextsOfTheBeatsResolverArriveAsWritten(t *testing.T) {
	for _, text := range []string{
		"0123456", "null", "true", " blanks ", "\t", "a,b", ",", "[a", `"a`, "'a", `'a"b\c,d`, "{a: b}", "${a}", "a\x00b", "\x00", "line\nbreak", "ä",
	} {
		t.Run(text, func(t *testing.T) {
			resolveWith(t, map[string]string{"KEY": text})
			got, err := readYAML(t, `{text: "${KEY}", map: {a.b: "${KEY}", c: "x${KEY}y"}, section.inner: "${OTHER:z}"}`)
			require.NoError(t, err)
			require.Equal(t, text, got.Text)
			require.Equal(t, map[string]string{"a.b": text, "c": "x" + text + "y"}, got.Map)
			require.Equal(t, "z", got.Section.Inner)
		})
	}
}

func TestTheEnvironmentComesFirst(t *testing.T) {
	resolveWith(t, map[string]string{"KEY": "resolver"})
	t.Setenv("KEY", "environment")
	got, err := readYAML(t, `text: "${KEY}"`)
	require.NoError(t, err)
	require.Equal(t, "environment", got.Text)
}

func TestVariablesMayNameVariables(t *testing.T) {
	t.Setenv("A", "B")
	t.Setenv("B", "0123")
	got, err := readYAML(t, `text: "${${A}}"`)
	require.NoError(t, err)
	require.Equal(t, "0123", got.Text)
}

func TestErrorsNameTheSettingOnly(t *testing.T) {
	t.Setenv("KEY", "s3cret,")
	for yaml, want := range map[string]string{
		`text: "${MISSING}"`:              "text: a variable in it is not set",
		`text: "['${KEY}"`:                "cannot be read: put the whole value into one variable",
		`number: "${KEY}"`:                "output.x.number: the value of the variable is of another kind",
		`size: "${KEY}"`:                  "output.x.size: the value of the variable is of another kind",
		`map: "${KEY}"`:                   "output.x.map: must be a map",
		`section: "${KEY}"`:               "output.x.section: must be a map",
		`{text: "${KEY}", words: "x"}`:    "output.x.text: differs from its alias words",
		`{text: {s3cret: s3cret}}`:        "output.x.text: ",
		`section.iner: x`:                 "output.x.section.iner: unknown setting; did you mean inner?",
		`wrods: x`:                        "output.x.wrods: unknown setting; did you mean words?",
		`{map: {a: [s3cret]}, number: 1}`: "output.x.map: a is a list",
	} {
		t.Run(yaml, func(t *testing.T) {
			_, err := readYAML(t, yaml)
			require.ErrorContains(t, err, want)
			require.NotContains(t, errors.Join(err).Error(), "s3cret")
		})
	}
}

func TestDistance(t *testing.T) {
	for words, want := range map[[2]string]int{
		{"", ""}: 0, {"a", ""}: 1, {"hosts", "host"}: 1, {"hsots", "hosts"}: 1, {"timeout", "timout"}: 1, {"abc", "xyz"}: 3,
	} {
		require.Equal(t, want, distance(words[0], words[1]), words)
		require.Equal(t, want, distance(words[1], words[0]), words)
	}
}
