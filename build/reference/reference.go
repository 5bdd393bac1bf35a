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

// templates replace those of Beats that have the same name.
//
//go:embed templates
var templates embed.FS

const (
	// whole is the template of Beats that includes all the others.
	whole = "default.reference.yml.tmpl"
	// modulesTemplate is the name that Filebeat's template has for the part that is made
	// from its modules.
	modulesTemplate = "config.modules.yml.tmpl"
	// stockOutput is the template of the output that stock Filebeat enables.
	stockOutput = "output-elasticsearch.reference.yml.tmpl"
	stockInputs = "filebeat.inputs.reference.yml.tmpl"
)

// variables are those that Beats' own build passes to Filebeat's templates.
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

// from returns the file. source is the folder of the Beats module.
func from(source fs.FS) ([]byte, error) {
	ours, err := fs.Sub(templates, "templates")
	if err != nil {
		return nil, err
	}
	set, err := stock(source)
	if err != nil {
		return nil, err
	}
	if err := change(set, source, "libbeat/_meta/config", stockOutput, commentOut); err != nil {
		return nil, err
	}
	if err := change(set, source, "filebeat/_meta/config", stockInputs, turnOn); err != nil {
		return nil, err
	}
	if _, err := set.ParseFS(ours, "*.tmpl"); err != nil {
		return nil, fmt.Errorf("templates of this distribution: %w", err)
	}
	return execute(set)
}

// stock returns the templates that Elastic's own file is made from.
func stock(source fs.FS) (*template.Template, error) {
	set := template.New("reference").Option("missingkey=error")
	set.Funcs(template.FuncMap{
		"header":    func(text string) string { return heading(text, "=") },
		"subheader": func(text string) string { return heading(text, "-") },
		"indent":    indent,
		"title":     capitalize,
		// Unlike {{template}}, the output of an include can be piped into a function.
		"include": func(name string, data any) (string, error) {
			var content strings.Builder
			err := set.ExecuteTemplate(&content, name, data)
			return content.String(), err
		},
	})
	if _, err := set.ParseFS(source, "libbeat/_meta/config/*.tmpl", "filebeat/_meta/config/*.tmpl"); err != nil {
		return nil, fmt.Errorf("templates of Beats: %w", err)
	}
	modules, err := modulesSection(source)
	if err != nil {
		return nil, err
	}
	// The section has braces that look like templates, and is to be taken literally.
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

// change replaces the text of a template of Beats with with(text). A text that this leaves
// as it was is an error.
func change(set *template.Template, source fs.FS, folder, name string, with func(string) string) error {
	text, err := fs.ReadFile(source, path.Join(folder, name))
	if err != nil {
		return err
	}
	changed := with(string(text))
	if changed == string(text) {
		return fmt.Errorf("%s of Beats has nothing to change: a new version must have rewritten it", name)
	}
	_, err = set.New(name).Parse(changed)
	return err
}

// activeLine matches the beginning of a line of YAML, not of a comment or a template.
var activeLine = regexp.MustCompile(`(?m)^(\s*)([a-z])`)

// commentOut disables an output. A file may have only one that is enabled.
func commentOut(yaml string) string { return activeLine.ReplaceAllString(yaml, "$1#$2") }

var filestreamIsOff = regexp.MustCompile(`(?s)(\n- type: filestream\n.*?\n  enabled: )false\n`)

// turnOn enables an input: Filebeat refuses a file that enables none.
func turnOn(yaml string) string { return filestreamIsOff.ReplaceAllString(yaml, "${1}true\n") }

// heading returns text in the middle of a line of 80 characters.
func heading(text, line string) string {
	left := (80 - len("# ") - len(text) - len("  ")) / 2
	return "# " + strings.Repeat(line, left) + " " + text + " " + strings.Repeat(line, left+len(text)%2)
}

var notEmpty = regexp.MustCompile(`(?m)^(.*\S.*)$`)

func indent(spaces int, content string) string {
	return notEmpty.ReplaceAllString(content, strings.Repeat(" ", spaces)+"$1")
}

// capitalize writes each word with a capital.
func capitalize(text string) string {
	words := strings.Split(text, " ")
	for i, word := range words {
		if word != "" {
			words[i] = strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return strings.Join(words, " ")
}
