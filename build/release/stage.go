// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/magefile/mage/sh"

	"filebeat-websocket/build/beats"
	"filebeat-websocket/build/program"
	"filebeat-websocket/build/tool"
)

// staged is the folder below which packages are put together.
const staged = tool.Cache + "/package"

// stage fills the folder of the platform's archive, from which the other packages take
// their files, and returns its path.
func (d distribution) stage(p program.Platform) (string, error) {
	folder, err := emptyFolder(filepath.Join(staged, p.GOOS+"-"+p.GOARCH))
	if err != nil {
		return "", err
	}
	if err := copyTree(folder, d.common, nil); err != nil {
		return "", err
	}
	for number, built := range program.Programs {
		fmt.Printf("  building %s, %d of %d\n", built.Name, number+1, len(program.Programs))
		if err := built.Build(p, d.stamp, filepath.Join(folder, p.Executable(built.Name))); err != nil {
			return "", err
		}
	}
	if p.GOOS == "windows" {
		if err := windowsScripts(folder); err != nil {
			return "", err
		}
	}
	return folder, setTimes(folder, d.modified)
}

// stageCommon fills the folder of the files that are the same on every platform, and returns
// its path. Most of them are in Elastic's open source packages too.
func stageCommon(commit string) (string, error) {
	folder, err := emptyFolder(filepath.Join(staged, "common"))
	if err != nil {
		return "", err
	}
	module, err := beats.Folder()
	if err != nil {
		return "", err
	}
	filebeat := filepath.Join(module, "filebeat")
	if err := copyModules(folder, filebeat); err != nil {
		return "", err
	}
	if err := sh.Run("go", "run", beats.Module+"/libbeat/scripts/cmd/global_fields", "-es_beats_path="+module,
		"-beat_path="+filebeat, "-out="+filepath.Join(folder, "fields.yml"), filepath.Join(filebeat, "module")); err != nil {
		return "", err
	}
	return folder, writeDocuments(folder, commit)
}

// copyModules copies Filebeat's modules, their settings and their dashboards.
func copyModules(folder, filebeat string) error {
	notShipped := []string{"_meta", "test", "fields.go"}
	if err := copyTree(filepath.Join(folder, "module"), filepath.Join(filebeat, "module"), notShipped); err != nil {
		return err
	}
	if err := copyTree(filepath.Join(folder, "modules.d"), filepath.Join(filebeat, "modules.d"), nil); err != nil {
		return err
	}
	dashboards, err := filepath.Glob(filepath.Join(filebeat, "module", "*", "_meta", "kibana"))
	if err != nil {
		return err
	}
	for _, dashboard := range dashboards {
		if err := copyTree(filepath.Join(folder, "kibana"), dashboard, nil); err != nil {
			return err
		}
	}
	return nil
}

// writeDocuments writes what users read and edit, and the file of the commit.
func writeDocuments(folder, commit string) error {
	for name, sources := range map[string][]string{
		"LICENSE.txt":            {"LICENSE.txt"},
		"NOTICE.txt":             {"NOTICE.txt"},
		"README.md":              {"build/package/README.md"},
		"filebeat.reference.yml": {"filebeat.reference.yml"},
		// The file of the checkout has no modules.d beside it.
		"filebeat.yml": {"filebeat.yml", "build/package/modules.yml"},
	} {
		var content []byte
		for _, source := range sources {
			part, err := os.ReadFile(source)
			if err != nil {
				return err
			}
			content = append(content, part...)
		}
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(folder, ".build_hash.txt"), []byte(commit+"\n"), 0o644); err != nil {
		return err
	}
	return os.Chmod(filepath.Join(folder, "filebeat.yml"), 0o600)
}

// windowsScripts renders Elastic's scripts that install Filebeat as a service.
func windowsScripts(folder string) error {
	module, err := beats.Folder()
	if err != nil {
		return err
	}
	title := template.FuncMap{"title": func(name string) string { return strings.ToUpper(name[:1]) + name[1:] }}
	for _, verb := range []string{"install", "uninstall"} {
		name := verb + "-service.ps1.tmpl"
		script, err := template.New(name).Funcs(title).ParseFiles(filepath.Join(module, "dev-tools", "packaging", "templates", "windows", name))
		if err != nil {
			return err
		}
		var content bytes.Buffer
		if err := script.Execute(&content, map[string]string{"BeatName": "filebeat"}); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, verb+"-service-filebeat.ps1"), content.Bytes(), 0o755); err != nil {
			return err
		}
	}
	return nil
}
