// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

//go:build mage

package main

import (
	"os"
	"path/filepath"
	"runtime"

	"filebeat-websocket/build/program"
)

const (
	imageFolder = "build/image"
	// caBundle is where Debian's ca-certificates has it, and Go looks for it.
	caBundle = "/etc/ssl/certs/ca-certificates.crt"
)

// systemFiles are what filebeat asks about the system. The number of the user is
// that of Elastic's image.
var systemFiles = map[string]string{
	"etc/os-release": "ID=scratch\nNAME=scratch\nVERSION_ID=1\nPRETTY_NAME=scratch\n",
	"etc/passwd":     "root:x:0:0:root:/:/nologin\nfilebeat:x:1000:1000:filebeat:/usr/share/filebeat:/nologin\n",
	"etc/group":      "root:x:0:\nfilebeat:x:1000:\n",
}

// makeImage fills build/image for linux on the architecture of this machine.
func makeImage() error {
	d, err := newDistribution(nil)
	if err != nil {
		return err
	}
	stage, err := d.stage(imagePlatform)
	if err != nil {
		return err
	}
	return d.image(stage)
}

var imagePlatform = program.Platform{GOOS: "linux", GOARCH: runtime.GOARCH}

// image fills build/image with the files of the images, a folder for each, out of
// the folder of the platform's archive.
func (d distribution) image(stage string) error {
	root, err := emptyFolder(imageFolder)
	if err != nil {
		return err
	}
	filebeat, wsreceiver := filepath.Join(root, "filebeat"), filepath.Join(root, "wsreceiver")
	home := filepath.Join(filebeat, "usr", "share", "filebeat")
	if err := copyTree(home, stage, []string{"wsreceiver"}); err != nil {
		return err
	}
	shared := filepath.Join(wsreceiver, "usr", "share", "wsreceiver")
	for _, file := range []struct {
		to, from string
		mode     os.FileMode
	}{
		{filepath.Join(home, "filebeat"), filepath.Join(stage, "filebeat"), 0o755},
		{filepath.Join(home, "filebeat.yml"), "build/docker/filebeat.yml", 0o644},
		{filepath.Join(wsreceiver, "usr", "bin", "wsreceiver"), filepath.Join(stage, "wsreceiver"), 0o755},
		{filepath.Join(shared, "LICENSE.txt"), "LICENSE.txt", 0o644},
		{filepath.Join(shared, "NOTICE.txt"), "NOTICE.txt", 0o644},
	} {
		if err := copyFile(file.to, file.from, file.mode); err != nil {
			return err
		}
	}
	if err := writableFolders(filebeat, "usr/share/filebeat/data", "usr/share/filebeat/logs"); err != nil {
		return err
	}
	if err := writableFolders(wsreceiver, "var/lib/wsreceiver"); err != nil {
		return err
	}
	for _, folder := range []string{filebeat, wsreceiver} {
		if err := baseImage(folder); err != nil {
			return err
		}
	}
	return d.setTimes(root)
}

// baseImage adds what programs expect of a system: its name, users, a folder for
// temporary files, the CAs. Time zones are in the binary.
func baseImage(root string) error {
	for name, content := range systemFiles {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	if err := writableFolders(root, "tmp"); err != nil {
		return err
	}
	return copyFile(filepath.Join(root, caBundle), caBundle, 0o644)
}

// writableFolders can be written to by any user: containers run under numbers of
// their own choice.
func writableFolders(root string, names ...string) error {
	for _, name := range names {
		folder := filepath.Join(root, name)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		if err := os.Chmod(folder, 0o777|os.ModeSticky); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(to, from string, mode os.FileMode) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(to, content, mode); err != nil {
		return err
	}
	return os.Chmod(to, mode)
}
