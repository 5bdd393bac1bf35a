// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

//go:build mage

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/magefile/mage/sh"
)

const (
	linterPackage = "github.com/golangci/golangci-lint/v2/cmd/golangci-lint"
	linterVersion = "v2.15.0"
)

var fuzzTarget = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)

// fuzzAll takes what -fuzztime takes. A number of inputs is the better guard: at the
// end of a duration the fuzzer may report its own deadline as a failure of the target.
// Making a new input smaller is bounded likewise, because it may take a minute else.
func fuzzAll(each string) error {
	files, err := sourceFiles("*_test.go")
	if err != nil {
		return err
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for _, match := range fuzzTarget.FindAllSubmatch(content, -1) {
			folder := "./" + filepath.ToSlash(filepath.Dir(file))
			fmt.Printf("%s in %s\n", match[1], folder)
			if err := sh.RunV("go", "test", "-run=^$", fmt.Sprintf("-fuzz=^%s$", match[1]), "-fuzztime="+each, "-fuzzminimizetime=100x", folder); err != nil {
				return err
			}
		}
	}
	return nil
}

// sourceFiles are the files of that pattern which git has or would take.
func sourceFiles(pattern string) ([]string, error) {
	list, err := sh.Output("git", "ls-files", "--cached", "--others", "--exclude-standard", "--", pattern)
	if err != nil {
		return nil, err
	}
	var files []string
	for file := range strings.FieldsSeq(list) {
		// git lists what was deleted and not committed.
		if _, err := os.Stat(file); err == nil {
			files = append(files, file)
		}
	}
	return files, nil
}

func checkFormat() error {
	files, err := sourceFiles("*.go")
	if err != nil {
		return err
	}
	unformatted, err := sh.Output("gofmt", append([]string{"-s", "-l"}, files...)...)
	if err != nil {
		return err
	}
	if unformatted != "" {
		return fmt.Errorf("not as gofmt -s has it:\n%s", unformatted)
	}
	return nil
}

const header = "// SPDX-FileCopyrightText: The filebeat-websocket authors\n// SPDX-License-Identifier: Apache-2.0\n\n"

func checkHeaders() error {
	files, err := sourceFiles("*.go")
	if err != nil {
		return err
	}
	var problems []error
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if !strings.HasPrefix(string(content), header) {
			problems = append(problems, fmt.Errorf("%s does not begin with the two SPDX lines and an empty one", file))
		}
	}
	return errors.Join(problems...)
}

// checkPaths looks for the folders of whoever runs it: what works only there.
func checkPaths() error {
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return err
	}
	for _, folder := range []string{here, home} {
		pattern := `(^|[^[:alnum:]._/-])` + regexp.QuoteMeta(folder) + `(/|[^[:alnum:]._-]|$)`
		found, err := sh.Output("git", "grep", "--untracked", "-nIE", pattern)
		if err == nil {
			return fmt.Errorf("paths of this machine:\n%s", found)
		}
		if sh.ExitStatus(err) != 1 { // 1 is: nothing found
			return err
		}
	}
	return nil
}

func checkModule() error { return sh.RunV("go", "mod", "tidy", "-diff") }

func checkVet() error { return sh.RunV("go", "vet", "-tags=mage", "./...") }
