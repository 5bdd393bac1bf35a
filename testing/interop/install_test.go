// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

// debianPython finds the modules of Debian's packages.
const debianPython = "/usr/bin/python3"

// nodeModules are the modules of npm that the tests need, with their versions.
var nodeModules = map[string]string{
	"ws":                 "8.23.0",
	"@fluent-org/logger": "1.0.10",
	"fluent-logger":      "3.4.1",
}

// packages are the Debian packages that the tests need, by one file of each.
var packages = map[string]string{
	"/usr/lib/python3/dist-packages/websockets": "python3-websockets",
	"/usr/lib/python3/dist-packages/aiohttp":    "python3-aiohttp",
	"/usr/lib/python3/dist-packages/tornado":    "python3-tornado",
	"/usr/bin/javac":                            "default-jdk-headless",
	"/usr/share/java/tomcat10-websocket.jar":    "libtomcat10-java",
	"/usr/sbin/nginx":                           "nginx-light",
	"/usr/sbin/haproxy":                         "haproxy",
	"/usr/sbin/apache2":                         "apache2-bin",
	"/usr/bin/caddy":                            "caddy",
	"/usr/sbin/squid":                           "squid",
	"/usr/sbin/danted":                          "dante-server",
	"/usr/bin/microsocks":                       "microsocks",
	"/usr/bin/websockify":                       "websockify",
}

// cacheFolder returns the folder for what does not come from Debian.
func cacheFolder(t *testing.T) string {
	t.Helper()
	return beattest.CacheFolder(t, "interop")
}

// nodeFolder returns the folder with the modules of Node.
func nodeFolder(t *testing.T) string {
	t.Helper()
	return filepath.Join(cacheFolder(t), languages["Node"].fence)
}

var (
	installOnce sync.Once
	errInstall  error
)

// install installs what the tests need and this machine lacks, once for all tests.
// Each test fails if that failed.
func install(t *testing.T) {
	t.Helper()
	installOnce.Do(func() {
		errInstall = beattest.InstallPackages(packages)
		for module, version := range nodeModules {
			if errInstall == nil {
				errInstall = beattest.InstallNodeModule(nodeFolder(t), module, version)
			}
		}
	})
	require.NoError(t, errInstall)
}
