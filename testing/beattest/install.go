// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package beattest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// installTimeout is for one command.
const installTimeout = 10 * time.Minute

// CacheFolder returns a folder in .cache at the root of the module, where tests keep
// what they install or build. It is made if it is not there.
func CacheFolder(tb testing.TB, name string) string {
	tb.Helper()
	folder := filepath.Join(Root(tb), ".cache", name)
	require.NoError(tb, os.MkdirAll(folder, 0o755))
	return folder
}

// InstallPackages installs the Debian packages whose file is missing; packages has
// their names by one file of each.
func InstallPackages(packages map[string]string) error {
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
	if err := Install("apt-get", "update"); err != nil {
		return err
	}
	slices.Sort(missing)
	// Another apt may be at work, on a fresh machine above all.
	return Install("apt-get", append([]string{"-o", "DPkg::Lock::Timeout=300", "install", "-y", "--no-install-recommends"}, missing...)...)
}

// InstallNodeModule installs a module of Node into the folder, unless it is there in
// that version.
func InstallNodeModule(folder, module, version string) error {
	manifest, err := os.ReadFile(filepath.Join(folder, "node_modules", module, "package.json"))
	if err == nil && bytes.Contains(manifest, fmt.Appendf(nil, `"version": %q`, version)) {
		return nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	return Install("npm", "install", "--prefix", folder, "--no-audit", "--no-fund", module+"@"+version)
}

// Install runs a command that installs something.
func Install(command string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), installTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, command, args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if printed, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w:\n%s", command, strings.Join(args, " "), err, printed)
	}
	return nil
}
