// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package reference

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"text/template"
)

// templates take the place of those of Beats with the same name.
//
//go:embed templates
var templates embed.FS

const (
	// whole is the template of Beats that has all the others in it.
	whole = "default.reference.yml.tmpl"
	// modulesTemplate is what the template of Filebeat calls the part that is made
	// of its modules.
	modulesTemplate = "config.modules.yml.tmpl"
	// stockOutput is the template of the output that is on in stock Filebeat.
	stockOutput = "output-elasticsearch.reference.yml.tmpl"
	stockInputs = "filebeat.inputs.reference.yml.tmpl"
)

// variables are what Beats' own build gives its templates for Filebeat.
var variables = map[string]any{
	"BeatName":                       "filebeat",
	"BeatIndexPrefix":                "filebeat",
	"GOOS":                           "linux",
	"GOARCH":                         "amd64",
	"Reference":                      true,
	"Docker":                         false,
	"ExcludeConsole":                 false,
	"ExcludeFileOutput":              false,
	"ExcludeKafka":                   false,
	"ExcludeLogstash":                false,
	"ExcludeRedis":                   false,
	"ExcludeDashboards":              false,
	"UseObserverProcessor":           false,
	"UseDockerMetadataProcessor":     true,
	"UseKubernetesMetadataProcessor": true,
}

// Make returns the file. beats is the folder of the Beats module.
func Make(beats fs.FS) ([]byte, error) {
	ours, err := fs.Sub(templates, "templates")
	if err != nil {
		return nil, err
	}
	set, err := stock(beats)
	if err != nil {
		return nil, err
	}
	if err := change(set, beats, "libbeat/_meta/config", stockOutput, commentOut); err != nil {
		return nil, err
	}
	if err := change(set, beats, "filebeat/_meta/config", stockInputs, turnOn); err != nil {
		return nil, err
	}
	if _, err := set.ParseFS(ours, "*.tmpl"); err != nil {
		return nil, fmt.Errorf("templates of this distribution: %w", err)
	}
	return execute(set)
}

// stock returns the templates that Elastic's own file is made from.
func stock(beats fs.FS) (*template.Template, error) {
	set := template.New("reference").Option("missingkey=error")
	set.Funcs(template.FuncMap{
		"header":    func(title string) string { return heading(title, "=") },
		"subheader": func(title string) string { return heading(title, "-") },
		"indent":    indent,
		"title":     title,
		// A template's output can't be piped into a function, an include's can.
		"include": func(name string, data any) (string, error) {
			var content strings.Builder
			err := set.ExecuteTemplate(&content, name, data)
			return content.String(), err
		},
	})
	if _, err := set.ParseFS(beats, "libbeat/_meta/config/*.tmpl", "filebeat/_meta/config/*.tmpl"); err != nil {
		return nil, fmt.Errorf("templates of Beats: %w", err)
	}
	modules, err := modulesSection(beats)
	if err != nil {
		return nil, err
	}
	// The section holds no template of its own, and braces that look like one.
	literal := "{{" + fmt.Sprintf("%q", modules) + "}}"
	_, err = set.New(modulesTemplate).Parse(literal)
	return set, err
}

func execute(set *template.Template) ([]byte, error) {
	var file bytes.Buffer
	if err := set.ExecuteTemplate(&file, whole, variables); err != nil {
		return nil, err
	}
	return file.Bytes(), nil
}

// change replaces a template of Beats by what with makes of its text, which has
// to be something else.
func change(set *template.Template, beats fs.FS, folder, name string, with func(string) string) error {
	text, err := fs.ReadFile(beats, path.Join(folder, name))
	if err != nil {
		return err
	}
	changed := with(string(text))
	if changed == string(text) {
		return fmt.Errorf("%s of Beats is not what it was: there is nothing to change in it", name)
	}
	_, err = set.New(name).Parse(changed)
	return err
}

// activeLine begins a line that is YAML: neither a comment nor a template's own.
var activeLine = regexp.MustCompile(`(?m)^(\s*)([a-z])`)

// commentOut turns an output off. A file may have one that is on, and no more.
func commentOut(yaml string) string { return activeLine.ReplaceAllString(yaml, "$1#$2") }

var filestreamIsOff = regexp.MustCompile(`(?s)(\n- type: filestream\n.*?\n  enabled: )false\n`)

// turnOn turns an input on: Filebeat does not take a file without any.
func turnOn(yaml string) string { return filestreamIsOff.ReplaceAllString(yaml, "${1}true\n") }

// heading is a title in the middle of a line of 80.
func heading(title, line string) string {
	left := (80 - len("# ") - len(title) - len("  ")) / 2
	return "# " + strings.Repeat(line, left) + " " + title + " " + strings.Repeat(line, left+len(title)%2)
}

var notEmpty = regexp.MustCompile(`(?m)^(.*\S.*)$`)

func indent(spaces int, content string) string {
	return notEmpty.ReplaceAllString(content, strings.Repeat(" ", spaces)+"$1")
}

// title writes each word with a capital.
func title(text string) string {
	words := strings.Split(text, " ")
	for i, word := range words {
		if word != "" {
			words[i] = strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return strings.Join(words, " ")
}
