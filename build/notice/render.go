// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package notice

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
)

// render returns NOTICE.txt: the preface, a table of the modules, the texts of their
// licences, and their own notices. A text is there once, however many modules have it.
func render(preface []byte, modules []Module) ([]byte, error) {
	var notice bytes.Buffer
	notice.Write(preface)
	heading(&notice, "=", "Modules in the binaries, with their licences")
	table := tabwriter.NewWriter(&notice, 0, 0, 2, ' ', 0)
	for _, module := range modules {
		_, _ = fmt.Fprintf(table, "%s\t%s\n", module.title(), module.Licence)
	}
	if err := table.Flush(); err != nil {
		return nil, err
	}

	heading(&notice, "=", "Texts of the licences")
	if err := texts(&notice, modules, func(module Module) (string, error) {
		content, err := os.ReadFile(module.LicenceFile)
		return string(content), err
	}); err != nil {
		return nil, err
	}

	heading(&notice, "=", "Notices of the modules")
	err := texts(&notice, modules, ownNotice)
	return notice.Bytes(), err
}

func (m Module) title() string { return strings.TrimSpace(m.Path + " " + m.Version) }

func heading(notice *bytes.Buffer, line, text string) {
	line = strings.Repeat(line, 80)
	fmt.Fprintf(notice, "\n%s\n%s\n%s\n\n", line, text, line)
}

// texts writes the text that textOf returns for each module. A text is written once, below
// the names of the modules that have it. Modules without a text are left out.
func texts(notice *bytes.Buffer, modules []Module, textOf func(Module) (string, error)) error {
	var order []string // keys, in the order of the first module with each text
	first, owners := map[string]string{}, map[string][]string{}
	for _, module := range modules {
		text, err := textOf(module)
		if err != nil {
			return fmt.Errorf("%s: %w", module.Path, err)
		}
		// Many texts differ only in indentation and line breaks.
		key := strings.Join(strings.Fields(text), " ")
		if key == "" {
			continue
		}
		if _, known := first[key]; !known {
			order, first[key] = append(order, key), text
		}
		owners[key] = append(owners[key], module.title())
	}
	for _, key := range order {
		heading(notice, "-", strings.Join(owners[key], "\n"))
		for line := range strings.SplitSeq(strings.Trim(first[key], "\r\n"), "\n") {
			notice.WriteString(strings.TrimRight(line, " \t\r") + "\n")
		}
	}
	return nil
}

// ownNotice returns the text of a module's NOTICE file, which section 4 (d) of the Apache
// License requires us to repeat. Elastic's files list the licences of all their imports
// below a double line. That part is left out: imports that are in our programs are in the
// table already.
func ownNotice(module Module) (string, error) {
	for _, name := range []string{"NOTICE", "NOTICE.txt", "NOTICE.md"} {
		content, err := os.ReadFile(filepath.Join(module.Folder, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		text, _, _ := strings.Cut(string(content), "\n=====")
		return text, err
	}
	return "", nil
}
