// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/magefile/mage/sh"

	"filebeat-websocket/build/program"
)

const (
	changelogFile = "CHANGELOG.md"
	notesFile     = "RELEASE_NOTES.md"
)

// Release fills build/dist with everything that is published as a version: what Packages
// makes, the files of the images, and the notes. It refuses what could not be made again: a
// version that the code or the changelog does not have, and files that no commit has.
func Release(version string, platforms *string) error {
	notes, err := releaseNotes(version)
	if err != nil {
		return err
	}
	if err := clean(); err != nil {
		return err
	}
	options := Options{Platforms: platforms, Version: &version, images: true, more: map[string]string{notesFile: notes}}
	if err := Packages(options); err != nil {
		return err
	}
	fmt.Printf("%s is in %s. To publish it: git tag v%s && git push origin v%s\n", version, distFolder, version, version)
	return nil
}

// releaseNotes are the section of the changelog about the version.
func releaseNotes(version string) (string, error) {
	if version != program.Version {
		return "", fmt.Errorf("version: %q is not %q, the version in build/program/version.go", version, program.Version)
	}
	content, err := os.ReadFile(changelogFile)
	if err != nil {
		return "", err
	}
	heading := regexp.MustCompile(`(?m)^## \[` + regexp.QuoteMeta(version) + `\] - \d{4}-\d{2}-\d{2}\n`)
	at := heading.FindIndex(content)
	if at == nil {
		return "", fmt.Errorf("version: %s has no section %q with a date", changelogFile, "## ["+version+"]")
	}
	text := string(content[at[1]:])
	if end := strings.Index(text, "\n## "); end >= 0 {
		text = text[:end]
	}
	if text = strings.TrimSpace(text); text == "" {
		return "", fmt.Errorf("version: the section of %s about %s is empty", changelogFile, version)
	}
	return text + "\n", nil
}

// clean returns an error if files differ from the commit, or are not in it.
func clean() error {
	differing, err := sh.Output("git", "status", "--porcelain")
	if err != nil {
		return err
	}
	if differing != "" {
		return fmt.Errorf("a release is made of a commit, and these files differ from it:\n%s", differing)
	}
	return nil
}

// imageArchive writes the files of the images for a platform, as build/docker/Dockerfile takes
// them: unpacked, they are the build context "image".
func (d distribution) imageArchive(stage, base string, p program.Platform) error {
	folder, err := emptyFolder(filepath.Join(staged, "image-"+p.GOOS+"-"+p.GOARCH))
	if err != nil {
		return err
	}
	if err := fillImages(folder, stage, caBundle); err != nil {
		return err
	}
	return d.archive(folder, base+"-image", p)
}
