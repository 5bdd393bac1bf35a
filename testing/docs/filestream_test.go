// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/elastic/elastic-agent-libs/config"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

const (
	keptOpen = "close.on_state_change.removed"
	keptFor  = "close.on_state_change.inactive"
)

// shorter are the files whose inputs may close a file earlier than
// build/filestream.yml says, and after how long.
var shorter = map[string]time.Duration{
	// The kubelet deletes logs all the time, and a node's disk is small.
	"build/kubernetes/base/filebeat.yml":          time.Hour,
	"build/kubernetes/components/hints/hints.yml": time.Hour,
	"build/helm/files/filebeat.yml":               time.Hour,
	"build/helm/files/hints.yml":                  time.Hour,
}

// inputs returns the filestream inputs of a configuration that are enabled.
func inputs(t *testing.T, yaml string) (found []*config.C) {
	t.Helper()
	whole, err := config.NewConfigWithYAML([]byte(yaml), "")
	require.NoError(t, err, yaml)
	var file struct {
		Inputs    []*config.C `config:"filebeat.inputs"`
		Providers []struct {
			Default *config.C `config:"hints.default_config"`
		} `config:"filebeat.autodiscover.providers"`
	}
	require.NoError(t, whole.Unpack(&file))
	for _, provider := range file.Providers {
		if provider.Default != nil {
			file.Inputs = append(file.Inputs, provider.Default)
		}
	}
	for _, input := range file.Inputs {
		if !input.Enabled() {
			continue // it may be a part that is merged over another file, without a type
		}
		kind, err := input.String("type", -1)
		require.NoError(t, err)
		if kind == "filestream" {
			found = append(found, input)
		}
	}
	return found
}

// closes returns what an input says of closing files.
func closes(input *config.C) (removed bool, inactive time.Duration, err error) {
	if removed, err = input.Bool(keptOpen, -1); err != nil {
		return false, 0, err
	}
	text, err := input.String(keptFor, -1)
	if err != nil {
		return false, 0, err
	}
	inactive, err = time.ParseDuration(text)
	return removed, inactive, err
}

// configurations returns every configuration with a filestream input that is
// shipped, documented or made by the demo, by where it is.
func configurations(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	add := func(name, text string) {
		if strings.Contains(text, "type: filestream") {
			found[name] = text
		}
	}
	for _, b := range blocks(t) {
		if b.language == "yaml" {
			add(b.document+" "+strconv.Itoa(len(found)), b.text)
		}
	}
	root := beattest.Root(t)
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		switch {
		case entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") || slices.Contains(generated, name)):
			return filepath.SkipDir
		case name == "filebeat.reference.yml": // has the defaults, in inputs that are not enabled
		case strings.HasSuffix(name, ".yml") || strings.HasSuffix(name, ".yaml"):
			add(name, read(t, name))
		case strings.HasPrefix(name, "testing/demo/") && strings.HasSuffix(name, ".go"):
			for i, text := range texts(t, path) {
				add(name+" "+strconv.Itoa(i), formatted.ReplaceAllString(text, "x"))
			}
		}
		return nil
	}))
	return found
}

// generated are folders of what is made from the checkout.
var generated = []string{"build/dist", "build/image"}

// formatted is where fmt puts a value.
var formatted = regexp.MustCompile(`%(\[\d+\])?[a-z]`)

// texts returns the string literals of a file of Go.
func texts(t *testing.T, path string) (found []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	ast.Inspect(file, func(node ast.Node) bool {
		if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			text, err := strconv.Unquote(literal.Value)
			require.NoError(t, err)
			found = append(found, text)
		}
		return true
	})
	return found
}

func TestEveryFilestreamInputKeepsItsFileOpen(t *testing.T) {
	common, err := config.NewConfigWithYAML([]byte(read(t, "build/filestream.yml")), "")
	require.NoError(t, err)
	wantRemoved, wantInactive, err := closes(common)
	require.NoError(t, err)
	require.False(t, wantRemoved, "a file that was rotated would be closed before it is read")

	seen := map[string]bool{}
	for name, text := range configurations(t) {
		file, _, _ := strings.Cut(name, " ")
		for _, input := range inputs(t, text) {
			want := wantInactive
			if less, ok := shorter[file]; ok {
				want = less
			}
			removed, inactive, err := closes(input)
			require.NoErrorf(t, err, "%s lacks what is in build/filestream.yml:\n%s", name, text)
			require.Equal(t, wantRemoved, removed, "%s: %s", name, keptOpen)
			require.Equal(t, want, inactive, "%s: %s", name, keptFor)
			seen[file] = true
		}
	}
	for _, file := range []string{"filebeat.yml", "build/docker/filebeat.yml", "build/kubernetes/base/filebeat.yml", "build/kubernetes/components/hints/hints.yml", "README.md", "docs/migrating.md", "testing/demo/programs.go"} {
		require.Contains(t, seen, file, "its input was not found")
	}
}

func TestAnInputThatClosesItsFileEarlyWouldBeFound(t *testing.T) {
	for name, settings := range map[string]string{
		"nothing is said":    "",
		"removed is missing": "    close.on_state_change.inactive: 24h\n",
		"inactive is absent": "    close.on_state_change.removed: false\n",
	} {
		t.Run(name, func(t *testing.T) {
			found := inputs(t, "filebeat.inputs:\n  - type: filestream\n"+settings)
			require.Len(t, found, 1)
			_, _, err := closes(found[0])
			require.Error(t, err)
		})
	}
	nested := inputs(t, "filebeat.inputs:\n  - type: filestream\n    close.on_state_change: {removed: false, inactive: 1h}\n")
	require.Len(t, nested, 1)
	removed, inactive, err := closes(nested[0])
	require.NoError(t, err)
	require.False(t, removed)
	require.Equal(t, time.Hour, inactive)
}
