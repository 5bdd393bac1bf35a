// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

//go:build mage

package main

import (
	"crypto/sha512"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/magefile/mage/sh"

	"filebeat-websocket/build/notice"
	"filebeat-websocket/build/program"
	"filebeat-websocket/build/release"
	"filebeat-websocket/build/tool"
)

const (
	productName = "filebeat-websocket"
	distFolder  = "build/dist"

	packagerPackage = "github.com/goreleaser/nfpm/v2/cmd/nfpm"
	packagerVersion = "v2.43.0"
)

// arch is the name of the architecture in the names of archives, as Elastic has it.
func arch(p program.Platform) string { return strings.Replace(p.GOARCH, "amd64", "x86_64", 1) }

// distribution is one run of the target: what all its packages have in common.
type distribution struct {
	stamp    program.Stamp
	version  string
	modified time.Time         // of all files in them
	licences map[string]string // SPDX identifiers, by module
	common   string            // folder of the files that are the same everywhere
}

// newDistribution gathers it. The version is that of the tag, or sorts before
// every one and by the time of the commit.
func newDistribution(version *string) (d distribution, err error) {
	if d.stamp, err = program.ReadStamp(); err != nil {
		return d, err
	}
	if d.stamp.Time.IsZero() {
		return d, errors.New("packages have the time of the commit: this is no git checkout, so set SOURCE_DATE_EPOCH")
	}
	d.modified = d.stamp.Time
	switch {
	case version != nil:
		d.version = *version
	case d.stamp.Version != "":
		d.version = strings.TrimPrefix(d.stamp.Version, "v")
	default:
		d.version = "0.0.0-" + d.modified.UTC().Format("20060102150405")
		if len(d.stamp.Commit) >= 12 {
			d.version += "." + d.stamp.Commit[:12]
		}
		if strings.HasSuffix(d.stamp.Commit, "-dirty") {
			d.version += ".dirty"
		}
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
	d.common, err = d.stageCommon()
	return d, err
}

// makePackages fills build/dist with everything for the platforms, and nothing else.
func makePackages(list, version *string) error {
	chosen, err := program.ChoosePlatforms(list)
	if err != nil {
		return err
	}
	d, err := newDistribution(version)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(distFolder); err != nil {
		return err
	}
	if err := os.MkdirAll(distFolder, 0o755); err != nil {
		return err
	}
	for _, platform := range chosen {
		if err := d.makePlatform(platform); err != nil {
			return fmt.Errorf("%s: %w", platform, err)
		}
	}
	return writeSums()
}

func (d distribution) makePlatform(p program.Platform) error {
	stage, err := d.stage(p)
	if err != nil {
		return err
	}
	base := filepath.Join(distFolder, fmt.Sprintf("%s-%s-%s-%s", productName, d.version, p.GOOS, arch(p)))
	for _, built := range program.Programs {
		if err := d.writeBill(base+"-"+built.Name+".cdx.json", filepath.Join(stage, p.Executable(built.Name)), built.Name); err != nil {
			return err
		}
	}
	write, ending := release.TarGz, ".tar.gz"
	if p.GOOS == "windows" {
		write, ending = release.Zip, ".zip"
	}
	if err := writeFile(base+ending, func(w io.Writer) error {
		return write(w, stage, filepath.Base(base), d.modified)
	}); err != nil {
		return err
	}
	if p == imagePlatform {
		if err := d.image(stage); err != nil {
			return err
		}
	}
	if p.GOOS != "linux" {
		return nil
	}
	packager, err := tool.Install(tool.Cache, packagerPackage, packagerVersion)
	if err != nil {
		return err
	}
	for _, name := range []string{productName, "wsreceiver"} {
		for _, format := range []string{"deb", "rpm"} {
			target := filepath.Join(distFolder, fmt.Sprintf("%s-%s-%s.%s", name, d.version, packageArch(p, format), format))
			env := map[string]string{
				"ARCH": p.GOARCH, "VERSION": d.version, "STAGE": stage,
				"SOURCE_DATE_EPOCH": fmt.Sprint(d.modified.Unix()),
			}
			if err := sh.RunWithV(env, packager, "package", "--config=build/package/"+name+".yaml", "--packager="+format, "--target="+target); err != nil {
				return err
			}
		}
	}
	return nil
}

// packageArch is what deb and rpm call the architecture.
func packageArch(p program.Platform, format string) string {
	if format == "deb" {
		return p.GOARCH
	}
	return map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[p.GOARCH]
}

// writeBill writes the bill of materials of a binary.
func (d distribution) writeBill(path, binary, name string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	bill, err := release.BillOfMaterials(info, release.Program{Name: name, Version: d.version, Licences: d.licences}, d.modified)
	if err != nil {
		return err
	}
	return os.WriteFile(path, bill, 0o644)
}

// writeSums writes SHA512SUMS of all that is in build/dist, for sha512sum -c.
func writeSums() error {
	files, err := os.ReadDir(distFolder) // sorted
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(distFolder, "SHA512SUMS"), func(w io.Writer) error {
		for _, entry := range files {
			file, err := os.Open(filepath.Join(distFolder, entry.Name()))
			if err != nil {
				return err
			}
			sum := sha512.New()
			_, err = io.Copy(sum, file)
			if err := errors.Join(err, file.Close()); err != nil {
				return err
			}
			if _, err := fmt.Fprintf(w, "%x  %s\n", sum.Sum(nil), entry.Name()); err != nil {
				return err
			}
		}
		return nil
	})
}

// writeFile makes a file of what write writes.
func writeFile(path string, write func(io.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := errors.Join(write(file), file.Close()); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
