// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package notice

import (
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
	"filebeat-websocket/build/tool"
)

const (
	detectorPackage = "go.elastic.co/go-licence-detector"
	detectorVersion = "v0.11.1"
)

// Module is a module whose code is in a program.
type Module struct {
	Path, Version string
	Licence       string // SPDX identifier
	LicenceFile   string // path of its text
	Folder        string // where its files are
}

// moduleFields is the number of fields in a line that parseModules reads.
const moduleFields = 5

// parseModules reads what the licence detector writes with modules.tmpl: a module a line,
// fields separated by tabs. It returns them sorted by path.
func parseModules(content []byte) ([]Module, error) {
	var modules []Module
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			continue
		}
		fields := strings.Split(line, "\t")
		if len(fields) != moduleFields || slices.Contains(append(fields[:1:1], fields[2:]...), "") {
			return nil, fmt.Errorf("a field is missing in this line of modules: %q", line)
		}
		modules = append(modules, Module{Path: fields[0], Version: fields[1], Licence: fields[2], LicenceFile: fields[3], Folder: fields[4]})
	}
	if len(modules) == 0 {
		return nil, errors.New("no modules")
	}
	slices.SortFunc(modules, func(a, b Module) int { return strings.Compare(a.Path, b.Path) })
	return modules, nil
}

// Modules returns the modules that are in the programs, on any platform, and Go's standard
// library.
func Modules() ([]Module, error) {
	detector, err := tool.Install(tool.Cache, detectorPackage, detectorVersion)
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
	return parseModules(content)
}

// listModules returns what `go list -m -json` says of the modules in the programs: the
// input of the licence detector.
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

// inModuleCache returns an error for a module without a folder: the licence detector would
// silently leave it out.
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
