// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package reference

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// modulesFolder has Filebeat's open source modules.
const modulesFolder = "filebeat/module"

// systemModule comes first, as in Elastic's file.
const systemModule = "system"

// moduleTitle finds the title of a module, which is the first title in its fields.yml.
var moduleTitle = regexp.MustCompile(`(?m)^\s*title:\s*"?([^"\n]*?)"?\s*$`)

// modulesSection returns the section of all modules and their settings.
func modulesSection(source fs.FS) (string, error) {
	entries, err := fs.ReadDir(source, modulesFolder)
	if err != nil {
		return "", err
	}
	slices.SortStableFunc(entries, func(a, b fs.DirEntry) int {
		switch {
		case a.Name() == systemModule:
			return -1
		case b.Name() == systemModule:
			return 1
		}
		return 0 // sorted by name already
	})
	var section strings.Builder
	section.WriteString("\n#==========================  Modules configuration =============================\nfilebeat.modules:\n")
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		settings, title, err := moduleSettings(source, path.Join(modulesFolder, entry.Name(), "_meta"))
		if err != nil {
			return "", fmt.Errorf("module %s: %w", entry.Name(), err)
		}
		dashes := strings.Repeat("-", (80-len("#")-len(" Module ")-len(title)-1)/2)
		fmt.Fprintf(&section, "\n#%s %s Module %s\n%s", dashes, capitalize(title), dashes, settings)
	}
	section.WriteString("\n\n")
	return section.String(), nil
}

// moduleSettings returns a module's settings, from the file that has most of them, and its
// title.
func moduleSettings(source fs.FS, meta string) (settings, title string, err error) {
	content, err := fs.ReadFile(source, path.Join(meta, "config.reference.yml"))
	if errors.Is(err, fs.ErrNotExist) {
		content, err = fs.ReadFile(source, path.Join(meta, "config.yml"))
	}
	if err != nil {
		return "", "", err
	}
	fields, err := fs.ReadFile(source, path.Join(meta, "fields.yml"))
	if err != nil {
		return "", "", err
	}
	found := moduleTitle.FindSubmatch(fields)
	if found == nil {
		return "", "", errors.New("its fields.yml has no title")
	}
	return string(content), string(found[1]), nil
}
