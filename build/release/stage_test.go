// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCopyModules(t *testing.T) {
	filebeat, folder := t.TempDir(), t.TempDir()
	writeAll(t, filebeat, map[string]string{
		"main.go":                                "",
		"module/nginx/fields.go":                 "",
		"module/nginx/_meta/fields.yml":          "",
		"module/nginx/_meta/kibana/7/nginx.json": "{}",
		"module/nginx/access/test/some.log":      "",
		"module/nginx/access/manifest.yml":       "",
		"modules.d/nginx.yml.disabled":           "",
	})
	require.NoError(t, copyModules(folder, filebeat))
	var files []string
	for path, mode := range modes(t, folder) {
		if mode.IsRegular() {
			files = append(files, path)
		}
	}
	require.ElementsMatch(t, []string{"kibana/7/nginx.json", "module/nginx/access/manifest.yml", "modules.d/nginx.yml.disabled"}, files)
}

func TestWriteDocuments(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(repository)
	require.NoError(t, writeDocuments(folder, "abc"))
	require.Equal(t, map[string]fs.FileMode{
		"LICENSE.txt": 0o644, "NOTICE.txt": 0o644, "README.md": 0o644, "filebeat.reference.yml": 0o644, ".build_hash.txt": 0o644,
		"filebeat.yml": 0o600, // filebeat refuses a file that others can write to, and it may hold secrets
	}, modes(t, folder))
	require.Equal(t, "abc\n", read(t, filepath.Join(folder, ".build_hash.txt")))
	require.Equal(t, read(t, "filebeat.yml")+read(t, "build/package/modules.yml"), read(t, filepath.Join(folder, "filebeat.yml")))
}

func TestWindowsScripts(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, windowsScripts(folder))
	for _, name := range []string{"install-service-filebeat.ps1", "uninstall-service-filebeat.ps1"} {
		script := read(t, filepath.Join(folder, name))
		require.Contains(t, script, "filebeat")
		require.NotContains(t, script, "{{")
	}
}

func TestImages(t *testing.T) {
	stage, images := t.TempDir(), t.TempDir()
	writeAll(t, stage, map[string]string{
		"filebeat": "program", "wsreceiver": "program", "wscheck": "program", "fields.yml": "", "LICENSE.txt": "", "filebeat.yml": "for a host",
		"module/nginx/manifest.yml": "",
	})
	certificates := filepath.Join(t.TempDir(), "certificates.crt")
	require.NoError(t, os.WriteFile(certificates, []byte("CA"), 0o600))
	t.Chdir(repository)
	require.NoError(t, fillImages(images, stage, certificates))

	found := modes(t, images)
	const writable = fs.ModeDir | fs.ModeSticky | 0o777
	for path, want := range map[string]fs.FileMode{
		"filebeat/usr/share/filebeat/filebeat":                  0o755,
		"filebeat/usr/share/filebeat/filebeat.yml":              0o644, // any user runs it
		"filebeat/usr/share/filebeat/module/nginx/manifest.yml": 0o644,
		"filebeat/usr/share/filebeat/data":                      writable,
		"filebeat/usr/share/filebeat/logs":                      writable,
		"filebeat/tmp":                                          writable,
		"filebeat/etc/ssl/certs/ca-certificates.crt":            0o644,
		"wsreceiver/usr/bin/wsreceiver":                         0o755,
		"wsreceiver/usr/share/wsreceiver/NOTICE.txt":            0o644,
		"wsreceiver/var/lib/wsreceiver":                         writable,
		"wsreceiver/tmp":                                        writable,
		"wsreceiver/etc/passwd":                                 0o644,
		"wscheck/usr/bin/wscheck":                               0o755,
		"wscheck/usr/share/wscheck/NOTICE.txt":                  0o644,
		"wscheck/tmp":                                           writable,
	} {
		require.Contains(t, found, path)
		require.Equal(t, want, found[path], path)
	}
	require.NotContains(t, found, "filebeat/usr/share/filebeat/wsreceiver")
	require.NotContains(t, found, "filebeat/usr/share/filebeat/wscheck")
	require.Equal(t, read(t, "build/docker/filebeat.yml"), read(t, filepath.Join(images, "filebeat/usr/share/filebeat/filebeat.yml")))
	require.Equal(t, "CA", read(t, filepath.Join(images, "wsreceiver", caBundle)))
}
