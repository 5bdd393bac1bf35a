// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package check

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/magefile/mage/sh"
)

// sourceFiles returns the files with names like pattern that git has or would add.
func sourceFiles(pattern string) ([]string, error) {
	list, err := sh.Output("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", pattern)
	if err != nil {
		return nil, err
	}
	var files []string
	for file := range strings.SplitSeq(strings.TrimSuffix(list, "\x00"), "\x00") {
		// git lists a deleted file until its deletion is committed.
		if _, err := os.Stat(file); err == nil {
			files = append(files, file)
		}
	}
	return files, nil
}

// Format finds Go files that gofmt -s would change.
func Format() error {
	files, err := sourceFiles("*.go")
	if err != nil {
		return err
	}
	unformatted, err := sh.Output("gofmt", append([]string{"-s", "-l"}, files...)...)
	if err != nil {
		return err
	}
	if unformatted != "" {
		return fmt.Errorf("not formatted; run gofmt -s -w on:\n%s", unformatted)
	}
	return nil
}

const header = "// SPDX-FileCopyrightText: The filebeat-websocket authors\n// SPDX-License-Identifier: Apache-2.0\n\n"

// Headers finds Go files that do not begin with the header.
func Headers() error {
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
			problems = append(problems, fmt.Errorf("%s does not begin with the two SPDX lines and an empty line", file))
		}
	}
	return errors.Join(problems...)
}

// Paths finds the path of this checkout, and of the home folder of whoever runs it, in
// files that git has or would add: what names them works on this machine only.
func Paths() error {
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
		if sh.ExitStatus(err) != 1 { // 1: nothing was found
			return err
		}
	}
	return nil
}
