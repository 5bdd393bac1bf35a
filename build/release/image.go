// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"os"
	"path/filepath"
)

const (
	imageFolder = "build/image"
	// caBundle is where Debian's ca-certificates puts it, and where Go looks for it.
	caBundle = "/etc/ssl/certs/ca-certificates.crt"
)

// systemFiles are those that filebeat reads to describe the system. The number of the user
// is the one in Elastic's image.
var systemFiles = map[string]string{
	"etc/os-release": "ID=scratch\nNAME=scratch\nVERSION_ID=1\nPRETTY_NAME=scratch\n",
	"etc/passwd":     "root:x:0:0:root:/:/nologin\nfilebeat:x:1000:1000:filebeat:/usr/share/filebeat:/nologin\n",
	"etc/group":      "root:x:0:\nfilebeat:x:1000:\n",
}

// image fills build/image from the folder of the platform's archive.
func (d distribution) image(stage string) error {
	root, err := emptyFolder(imageFolder)
	if err != nil {
		return err
	}
	if err := fillImages(root, stage, caBundle); err != nil {
		return err
	}
	return setTimes(root, d.modified)
}

// fillImages makes a folder for each image, with the CAs from the file certificates.
func fillImages(root, stage, certificates string) error {
	filebeat, wsreceiver, wscheck := filepath.Join(root, "filebeat"), filepath.Join(root, "wsreceiver"), filepath.Join(root, "wscheck")
	home := filepath.Join(filebeat, "usr", "share", "filebeat")
	if err := copyTree(home, stage, []string{"wsreceiver", "wscheck"}); err != nil {
		return err
	}
	shared := func(root string) string { return filepath.Join(root, "usr", "share", filepath.Base(root)) }
	for _, file := range []struct {
		to, from string
		mode     os.FileMode
	}{
		{filepath.Join(home, "filebeat"), filepath.Join(stage, "filebeat"), 0o755},
		{filepath.Join(home, "filebeat.yml"), "build/docker/filebeat.yml", 0o644},
		{filepath.Join(wsreceiver, "usr", "bin", "wsreceiver"), filepath.Join(stage, "wsreceiver"), 0o755},
		{filepath.Join(shared(wsreceiver), "LICENSE.txt"), "LICENSE.txt", 0o644},
		{filepath.Join(shared(wsreceiver), "NOTICE.txt"), "NOTICE.txt", 0o644},
		{filepath.Join(wscheck, "usr", "bin", "wscheck"), filepath.Join(stage, "wscheck"), 0o755},
		{filepath.Join(shared(wscheck), "LICENSE.txt"), "LICENSE.txt", 0o644},
		{filepath.Join(shared(wscheck), "NOTICE.txt"), "NOTICE.txt", 0o644},
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
	for _, folder := range []string{filebeat, wsreceiver, wscheck} {
		if err := baseImage(folder, certificates); err != nil {
			return err
		}
	}
	return nil
}

// baseImage adds what programs expect of a system: its name, users, a folder for temporary
// files, and the CAs. Time zones are in the programs.
func baseImage(root, certificates string) error {
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
	return copyFile(filepath.Join(root, caBundle), certificates, 0o644)
}

// writableFolders makes folders that any user can write to: a container can be run as any
// user.
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
