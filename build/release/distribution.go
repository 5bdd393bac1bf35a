// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"errors"
	"strings"
	"time"

	"filebeat-websocket/build/notice"
	"filebeat-websocket/build/program"
)

// distribution is what all packages of one run have in common.
type distribution struct {
	stamp    program.Stamp
	version  string
	modified time.Time         // of all files in the packages
	licences map[string]string // SPDX identifiers, by module
	common   string            // folder of the files that are the same on every platform
	images   bool              // make an archive of the images' files
}

// newDistribution gathers it. A version takes the place of that of the commit.
func newDistribution(version *string) (d distribution, err error) {
	if d.stamp, err = program.ReadStamp(); err != nil {
		return d, err
	}
	if d.stamp.Time.IsZero() {
		return d, errors.New("files in packages have the time of the commit: this is not a git checkout, so set SOURCE_DATE_EPOCH")
	}
	d.modified = d.stamp.Time
	d.version = versionOf(d.stamp)
	if version != nil {
		d.version = *version
	}
	d.stamp.Version = "v" + d.version
	modules, err := notice.Modules()
	if err != nil {
		return d, err
	}
	d.licences = map[string]string{}
	for _, module := range modules {
		d.licences[module.Path] = module.Licence
	}
	d.common, err = stageCommon(d.stamp.Commit)
	return d, err
}

// versionOf is the version of the tag. A commit without a tag has a version that sorts
// before that of the next tag, and after those of earlier commits.
func versionOf(stamp program.Stamp) string {
	if stamp.Version != "" {
		return strings.TrimPrefix(stamp.Version, "v")
	}
	version := program.Version + "-" + stamp.Time.Format("20060102150405")
	if len(stamp.Commit) >= 12 {
		version += "." + stamp.Commit[:12]
	}
	if strings.HasSuffix(stamp.Commit, "-dirty") {
		version += ".dirty"
	}
	return version
}
