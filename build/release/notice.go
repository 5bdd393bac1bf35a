// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
)

// Module is a module whose code is in a binary.
type Module struct {
	Path, Version string
	Licence       string // SPDX identifier
	LicenceFile   string // path of its text
	Folder        string // where its files are
}

// moduleFields is how many fields a line of ParseModules has.
const moduleFields = 5

// ParseModules reads what the licence detector wrote with the template in
// build/notice: a module a line, fields separated by tabs. They are returned
// sorted by path.
func ParseModules(content []byte) ([]Module, error) {
	var modules []Module
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			continue
		}
		fields := strings.Split(line, "\t")
		if len(fields) != moduleFields || slices.Contains(append(fields[:1:1], fields[2:]...), "") {
			return nil, fmt.Errorf("this line of modules lacks something: %q", line)
		}
		modules = append(modules, Module{Path: fields[0], Version: fields[1], Licence: fields[2], LicenceFile: fields[3], Folder: fields[4]})
	}
	if len(modules) == 0 {
		return nil, errors.New("no modules")
	}
	slices.SortFunc(modules, func(a, b Module) int { return strings.Compare(a.Path, b.Path) })
	return modules, nil
}

// Notice returns NOTICE.txt: the preface, a table of the modules, the texts of
// their licences, and their own notices. A text is there once, however many
// modules have it.
func Notice(preface []byte, modules []Module) ([]byte, error) {
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

// texts writes what textOf says of the modules, each text once, below the names
// of those that have it. Modules without a text are left out.
func texts(notice *bytes.Buffer, modules []Module, textOf func(Module) (string, error)) error {
	var order []string // texts without their white space, as they first came
	first, owners := map[string]string{}, map[string][]string{}
	for _, module := range modules {
		text, err := textOf(module)
		if err != nil {
			return fmt.Errorf("%s: %w", module.Path, err)
		}
		// Many differ in indentation and line breaks only.
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

// ownNotice returns the text of a module's NOTICE file, which section 4 (d) of
// the Apache License wants repeated. Elastic's go on with the licences of all
// that they ever imported, below a double line; what is in our binaries of that
// is in the table already.
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
