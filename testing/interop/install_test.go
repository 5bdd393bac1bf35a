// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

const (
	// debianPython is the one that sees the modules of Debian's packages.
	debianPython = "/usr/bin/python3"

	nodeModule  = "ws"
	nodeVersion = "8.23.0"

	installTimeout = 10 * time.Minute
)

// packages are those of Debian that the tests need, by a file that each has.
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
}

// cacheFolder is where the tests keep what is not of Debian.
func cacheFolder(t *testing.T) string {
	t.Helper()
	return filepath.Join(beattest.Root(t), ".cache", "interop")
}

// nodeFolder is the one with Node's modules.
func nodeFolder(t *testing.T) string {
	t.Helper()
	return filepath.Join(cacheFolder(t), languages["Node"].fence)
}

var (
	installOnce sync.Once
	errInstall  error
)

// install installs all that the tests need and that is not there. It does so
// once for all of them; without it each test fails.
func install(t *testing.T) {
	t.Helper()
	installOnce.Do(func() {
		errInstall = installDebianPackages()
		if errInstall == nil {
			errInstall = installNodeModule(nodeFolder(t))
		}
	})
	require.NoError(t, errInstall)
}

func installDebianPackages() error {
	var missing []string
	for file, name := range packages {
		if _, err := os.Stat(file); err != nil {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	// A fresh machine has no list of packages, or an old one.
	if err := runInstaller("apt-get", "update"); err != nil {
		return err
	}
	return runInstaller("apt-get", append([]string{"install", "-y", "--no-install-recommends"}, missing...)...)
}

func installNodeModule(folder string) error {
	manifest, err := os.ReadFile(filepath.Join(folder, "node_modules", nodeModule, "package.json"))
	if err == nil && bytes.Contains(manifest, fmt.Appendf(nil, `"version": %q`, nodeVersion)) {
		return nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	return runInstaller("npm", "install", "--prefix", folder, "--no-audit", "--no-fund", nodeModule+"@"+nodeVersion)
}

func runInstaller(command string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), installTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, command, args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w:\n%s", command, strings.Join(args, " "), err, output)
	}
	return nil
}
