// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/build/program"
)

// checkout makes a repository with a changelog the working directory.
func checkout(t *testing.T, changelog string) {
	t.Helper()
	t.Chdir(t.TempDir())
	writeAll(t, ".", map[string]string{changelogFile: changelog, distFolder + "/old.deb": "", ".gitignore": "/build/dist/\n"})
	for _, args := range [][]string{
		{"init", "--quiet"},
		{"add", "."},
		{"-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "--message=one"},
	} {
		output, err := exec.CommandContext(t.Context(), "git", args...).CombinedOutput()
		require.NoError(t, err, string(output))
	}
}

const changelog = "# Changelog\n\n## [Unreleased]\n\n## [" + program.Version + "] - 2026-11-28\n\n### Added\n\n- All of it.\n\n## [0.0.1] - 2026-01-01\n\n- Nothing.\n"

func TestReleaseRefusesWhatCannotBeMadeAgain(t *testing.T) {
	platform := "linux/amd64"
	for name, try := range map[string]struct {
		version, changelog, dirty, want string
	}{
		"another version than the code's":    {"9.9.9", changelog, "", `"9.9.9" is not`},
		"a version that the changelog lacks": {program.Version, "## [Unreleased]\n\n- All of it.\n", "", "has no section"},
		"a version that is not dated":        {program.Version, "## [" + program.Version + "]\n\n- All of it.\n", "", "has no section"},
		"a version without a word about it":  {program.Version, "## [" + program.Version + "] - 2026-11-28\n\n## [0.0.1] - 2026-01-01\n\n- a\n", "", "is empty"},
		"a changed file":                     {program.Version, changelog, changelogFile, " M " + changelogFile},
		"a file that no commit has":          {program.Version, changelog, "new.go", "?? new.go"},
	} {
		t.Run(name, func(t *testing.T) {
			checkout(t, try.changelog)
			if try.dirty != "" {
				content, _ := os.ReadFile(try.dirty) // a new one is empty
				require.NoError(t, os.WriteFile(try.dirty, append(content, '\n'), 0o600))
			}
			require.ErrorContains(t, Release(try.version, &platform), try.want)
			require.FileExists(t, filepath.Join(distFolder, "old.deb"), "what is there stays")
		})
	}
}

func TestReleaseNotesAreTheSectionOfTheChangelog(t *testing.T) {
	checkout(t, changelog)
	require.NoError(t, clean())
	notes, err := releaseNotes(program.Version)
	require.NoError(t, err)
	require.Equal(t, "### Added\n\n- All of it.\n", notes)
}

// The version is in one place. What other tools read has copies, and this finds the old ones.
func TestEveryCopyOfTheVersionIsTheSame(t *testing.T) {
	t.Chdir(repository)
	for file, want := range map[string]string{
		"build/helm/Chart.yaml":     "version: " + program.Version + "\nappVersion: " + program.Version + "\n",
		"build/docker/Dockerfile":   "ARG VERSION=" + program.Version + "\n",
		"docs/installation.md":      "mage release -version=" + program.Version + "`",
		"CONTRIBUTING.md":           "mage release -version=" + program.Version + "`",
		changelogFile:               "\n## [" + program.Version + "] - ",
		"build/compose/compose.yml": "${VERSION:-latest}", // none: the images that were built last
		"build/program/version.go":  "const Version = \"" + program.Version + "\"\n",
	} {
		require.Contains(t, read(t, file), want, file)
	}
}
