// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

//go:build mage

package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/magefile/mage/sh"

	"filebeat-websocket/build/beats"
	"filebeat-websocket/build/program"
)

// stage makes the folder of the platform's archive, which the other packages
// take their files from, and returns its path.
func (d distribution) stage(p program.Platform) (string, error) {
	folder, err := emptyFolder(filepath.Join(".cache", "package", p.GOOS+"-"+p.GOARCH))
	if err != nil {
		return "", err
	}
	if err := copyTree(folder, d.common, nil); err != nil {
		return "", err
	}
	for _, built := range program.Programs {
		if err := built.Build(p, d.stamp, filepath.Join(folder, p.Executable(built.Name))); err != nil {
			return "", err
		}
	}
	if p.GOOS == "windows" {
		if err := windowsScripts(folder); err != nil {
			return "", err
		}
	}
	return folder, d.setTimes(folder)
}

// stageCommon gathers what is the same on all platforms, most of it what Elastic's
// open source packages hold: modules, their settings and dashboards, fields.yml.
func (d distribution) stageCommon() (string, error) {
	folder, err := emptyFolder(filepath.Join(".cache", "package", "common"))
	if err != nil {
		return "", err
	}
	module, err := beats.Folder()
	if err != nil {
		return "", err
	}
	filebeat := filepath.Join(module, "filebeat")

	left := []string{"_meta", "test", "fields.go"}
	if err := copyTree(filepath.Join(folder, "module"), filepath.Join(filebeat, "module"), left); err != nil {
		return "", err
	}
	if err := copyTree(filepath.Join(folder, "modules.d"), filepath.Join(filebeat, "modules.d"), nil); err != nil {
		return "", err
	}
	dashboards, err := filepath.Glob(filepath.Join(filebeat, "module", "*", "_meta", "kibana"))
	if err != nil {
		return "", err
	}
	for _, dashboard := range dashboards {
		if err := copyTree(filepath.Join(folder, "kibana"), dashboard, nil); err != nil {
			return "", err
		}
	}
	if err := sh.Run("go", "run", beats.Module+"/libbeat/scripts/cmd/global_fields", "-es_beats_path="+module,
		"-beat_path="+filebeat, "-out="+filepath.Join(folder, "fields.yml"), filepath.Join(filebeat, "module")); err != nil {
		return "", err
	}

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
				return "", err
			}
			content = append(content, part...)
		}
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil {
			return "", err
		}
	}
	if err := os.WriteFile(filepath.Join(folder, ".build_hash.txt"), []byte(d.stamp.Commit+"\n"), 0o644); err != nil {
		return "", err
	}
	return folder, os.Chmod(filepath.Join(folder, "filebeat.yml"), 0o600)
}

// windowsScripts renders Elastic's scripts that make filebeat a service.
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

// copyTree copies the files of a folder into another one, without those of the
// names in without. Modes are plain: files of the module cache are read-only.
func copyTree(to, from string, without []string) error {
	return filepath.WalkDir(from, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, file)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		switch {
		case slices.Contains(without, entry.Name()) && entry.IsDir():
			return filepath.SkipDir
		case slices.Contains(without, entry.Name()):
			return nil
		case entry.IsDir():
			return os.MkdirAll(target, 0o755)
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if filepath.Base(file) == "filebeat.yml" {
			mode = 0o600
		}
		return os.WriteFile(target, content, mode)
	})
}

// setTimes gives everything below folder the time of the commit.
func (d distribution) setTimes(folder string) error {
	return filepath.WalkDir(folder, func(file string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chtimes(file, d.modified, d.modified)
	})
}

func emptyFolder(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if err := os.RemoveAll(path); err != nil {
		return "", fmt.Errorf("emptying a folder: %w", err)
	}
	return path, os.MkdirAll(path, 0o755)
}
