// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

// verb is where fmt puts a value.
var verb = regexp.MustCompile(`%[-+# 0-9.]*[a-zA-Z]`)

// source is the text that the code of the product can log.
type source struct {
	texts []string         // of all string literals, without their verbs
	nests []*regexp.Regexp // of those with something in the middle
	said  []string         // formats of log lines, and of the errors that are worth a line
}

// sourceFolders hold what is in the output and its codecs.
var sourceFolders = []string{"outputs", "protocol"}

// loudFolders have errors that are worth a line each. The others are of settings,
// of which the document says something in general.
var loudFolders = []string{"internal/conn", "internal/session", "internal/window", "websocket/ack"}

func readSource(t *testing.T) source {
	t.Helper()
	var found source
	for _, folder := range sourceFolders {
		err := filepath.WalkDir(filepath.Join(beattest.Root(t), folder), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(node ast.Node) bool {
				found.look(node, filepath.ToSlash(filepath.Dir(path)))
				return true
			})
			return nil
		})
		require.NoError(t, err)
	}
	return found
}

// look takes the texts of a node of a file in that folder.
func (s *source) look(node ast.Node, folder string) {
	switch n := node.(type) {
	case *ast.BasicLit:
		if text, ok := literalText(n); ok {
			parts := verb.Split(text, -1)
			s.texts = append(s.texts, parts...)
			s.nest(parts)
		}
	case *ast.CallExpr:
		name, ok := n.Fun.(*ast.SelectorExpr)
		if !ok || len(n.Args) == 0 {
			return
		}
		text, ok := literalText(n.Args[0])
		if !ok {
			return
		}
		of, _ := name.X.(*ast.Ident)
		isError := of != nil && (of.Name == "errors" && name.Sel.Name == "New" || of.Name == "fmt" && name.Sel.Name == "Errorf")
		isLoud := slices.ContainsFunc(loudFolders, func(loud string) bool { return strings.HasSuffix(folder, loud) })
		isLine := slices.Contains([]string{"Infof", "Warnf", "Errorf"}, name.Sel.Name) && !isError
		if isLine || isError && isLoud {
			s.said = append(s.said, text)
		}
	}
}

func literalText(of ast.Expr) (string, bool) {
	basic, ok := of.(*ast.BasicLit)
	if !ok || basic.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(basic.Value)
	return text, err == nil
}

// nest takes a text such as "no %s within %v".
func (s *source) nest(parts []string) {
	var fixed []string
	for _, part := range parts {
		if part = strings.Trim(part, " :;"); part != "" {
			fixed = append(fixed, regexp.QuoteMeta(part))
		}
	}
	if len(fixed) == 2 {
		s.nests = append(s.nests, regexp.MustCompile("^"+fixed[0]+" (.+) "+fixed[1]+"$"))
	}
}

// has reports whether the code has that text, or composes it.
func (s *source) has(text string) bool {
	if slices.ContainsFunc(s.texts, func(known string) bool { return strings.Contains(known, text) }) {
		return true
	}
	return slices.ContainsFunc(s.nests, func(nest *regexp.Regexp) bool {
		inner := nest.FindStringSubmatch(text)
		return inner != nil && slices.ContainsFunc(s.texts, func(known string) bool { return strings.Contains(known, inner[1]) })
	})
}

// stockFolders have the text that libbeat, Go and the libraries can log.
func stockFolders(t *testing.T) (folders []string) {
	t.Helper()
	output := func(args ...string) string {
		printed, err := exec.CommandContext(t.Context(), "go", args...).Output()
		require.NoError(t, err)
		return strings.TrimSpace(string(printed))
	}
	goroot := filepath.Join(output("env", "GOROOT"), "src")
	for _, folder := range []string{"net", "net/http", "crypto/x509", "syscall", "io", "internal/poll"} {
		folders = append(folders, filepath.Join(goroot, folder))
	}
	beats := output("list", "-m", "-f={{.Dir}}", "github.com/elastic/beats/v7")
	config := output("list", "-m", "-f={{.Dir}}", "github.com/elastic/elastic-agent-libs")
	return append(folders, filepath.Join(beats, "libbeat/publisher/pipeline"), filepath.Join(beats, "filebeat/beater"), filepath.Join(config, "config"))
}

// inStock reports whether a file in one of the folders has that text.
func inStock(t *testing.T, folders []string, text string) bool {
	t.Helper()
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		require.NoError(t, err)
		for _, file := range files {
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			if strings.Contains(string(content), text) {
				return true
			}
		}
	}
	return false
}
