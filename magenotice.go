// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

//go:build mage

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/magefile/mage/sh"

	"filebeat-websocket/build/program"
	"filebeat-websocket/build/release"
	"filebeat-websocket/build/tool"
)

const (
	noticeFile = "NOTICE.txt"

	licenceDetectorPackage = "go.elastic.co/go-licence-detector"
	licenceDetectorVersion = "v0.11.1"
)

func writeNotice() error {
	notice, err := makeNotice()
	if err != nil {
		return err
	}
	return os.WriteFile(noticeFile, notice, 0o644)
}

func checkNotice() error {
	notice, err := makeNotice()
	if err != nil {
		return err
	}
	there, err := os.ReadFile(noticeFile)
	if err != nil {
		return err
	}
	if !bytes.Equal(there, notice) {
		return errors.New("NOTICE.txt does not have the modules of go.mod; write it with: go tool mage notice")
	}
	return nil
}

func makeNotice() ([]byte, error) {
	modules, err := licensedModules()
	if err != nil {
		return nil, err
	}
	preface, err := os.ReadFile("build/notice/preface.txt")
	if err != nil {
		return nil, err
	}
	return release.Notice(preface, modules)
}

// licensedModules are the modules in the binaries, of any platform, and Go's
// standard library. A licence that build/notice/rules.json lacks is an error.
func licensedModules() ([]release.Module, error) {
	detector, err := tool.Install(tool.Cache, licenceDetectorPackage, licenceDetectorVersion)
	if err != nil {
		return nil, err
	}
	list, err := listModules()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "notice")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	in, out := filepath.Join(folder, "modules.json"), filepath.Join(folder, "modules.tsv")
	if err := os.WriteFile(in, list, 0o600); err != nil {
		return nil, err
	}
	if err := sh.RunV(detector, "-in="+in, "-includeIndirect", "-rules=build/notice/rules.json",
		"-overrides=build/notice/overrides.json", "-depsTemplate=build/notice/modules.tmpl", "-depsOut="+out); err != nil {
		return nil, err
	}
	content, err := os.ReadFile(out)
	if err != nil {
		return nil, err
	}
	return release.ParseModules(content)
}

// listModules returns what `go list -m -json` says of the modules in the
// binaries, as the licence detector wants it.
func listModules() ([]byte, error) {
	var paths []string
	for _, platform := range program.Platforms {
		list, err := sh.OutputWith(platform.Env(), "go", "list", "-deps",
			"-f={{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}", "./cmd/...")
		if err != nil {
			return nil, err
		}
		paths = append(paths, strings.Fields(list)...)
	}
	slices.Sort(paths)
	list, err := sh.Output("go", append([]string{"list", "-m", "-json"}, slices.Compact(paths)...)...)
	if err != nil {
		return nil, err
	}
	root, err := sh.Output("go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	standard, err := json.Marshal(map[string]string{"Path": "std", "Dir": root})
	if err != nil {
		return nil, err
	}
	if err := inModuleCache(list); err != nil {
		return nil, err
	}
	return append([]byte(list), standard...), nil
}

// inModuleCache fails for a module without a folder: the licence detector would
// leave it out without a word.
func inModuleCache(list string) error {
	for decoder := json.NewDecoder(strings.NewReader(list)); ; {
		var module struct{ Path, Dir string }
		err := decoder.Decode(&module)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case module.Dir == "":
			return fmt.Errorf("%s is not in the module cache; run: go mod download", module.Path)
		}
	}
}
