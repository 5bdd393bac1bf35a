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
	"slices"
	"strings"
	"time"

	"github.com/magefile/mage/sh"

	"filebeat-websocket/build/release"
	"filebeat-websocket/build/tool"
)

const (
	productName = "filebeat-websocket"
	distFolder  = "build/dist"

	packagerPackage = "github.com/goreleaser/nfpm/v2/cmd/nfpm"
	packagerVersion = "v2.43.0"
)

// platform is what binaries run on.
type platform struct{ goos, goarch string }

// platforms are those that packages are made for.
var platforms = []platform{
	{"linux", "amd64"},
	{"linux", "arm64"},
	{"darwin", "amd64"},
	{"darwin", "arm64"},
	{"windows", "amd64"},
}

func (p platform) String() string { return p.goos + "/" + p.goarch }

func (p platform) env() map[string]string {
	return map[string]string{"GOOS": p.goos, "GOARCH": p.goarch, "CGO_ENABLED": "0"}
}

// arch is the name of the architecture in the names of archives, as Elastic has it.
func (p platform) arch() string { return strings.Replace(p.goarch, "amd64", "x86_64", 1) }

func (p platform) executable(name string) string {
	if p.goos == "windows" {
		return name + ".exe"
	}
	return name
}

// choosePlatforms reads a list such as linux/amd64,darwin/arm64; nil is all.
func choosePlatforms(list *string) ([]platform, error) {
	if list == nil {
		return platforms, nil
	}
	var chosen []platform
	for name := range strings.SplitSeq(*list, ",") {
		found := slices.IndexFunc(platforms, func(p platform) bool { return p.String() == name })
		if found < 0 {
			return nil, fmt.Errorf("platforms: %q is none of %v", name, platforms)
		}
		chosen = append(chosen, platforms[found])
	}
	return chosen, nil
}

// distribution is one run of the target: what all its packages have in common.
type distribution struct {
	stamp    stamp
	version  string
	modified time.Time         // of all files in them
	licences map[string]string // SPDX identifiers, by module
	common   string            // folder of the files that are the same everywhere
}

// newDistribution gathers it. The version is that of the tag, or sorts before
// every one and by the time of the commit.
func newDistribution(version *string) (d distribution, err error) {
	if d.stamp, err = readStamp(); err != nil {
		return d, err
	}
	if d.stamp.buildTime == "" {
		return d, errors.New("packages have the time of the commit: this is no git checkout, so set SOURCE_DATE_EPOCH")
	}
	if d.modified, err = time.Parse(time.RFC3339, d.stamp.buildTime); err != nil {
		return d, err
	}
	switch {
	case version != nil:
		d.version = *version
	case d.stamp.version != "":
		d.version = strings.TrimPrefix(d.stamp.version, "v")
	default:
		d.version = "0.0.0-" + d.modified.UTC().Format("20060102150405")
		if len(d.stamp.commit) >= 12 {
			d.version += "." + d.stamp.commit[:12]
		}
		if strings.HasSuffix(d.stamp.commit, "-dirty") {
			d.version += ".dirty"
		}
	}
	d.stamp.version = "v" + d.version
	modules, err := licensedModules()
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
	chosen, err := choosePlatforms(list)
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

func (d distribution) makePlatform(p platform) error {
	stage, err := d.stage(p)
	if err != nil {
		return err
	}
	base := filepath.Join(distFolder, fmt.Sprintf("%s-%s-%s-%s", productName, d.version, p.goos, p.arch()))
	for _, program := range programs {
		if err := d.writeBill(base+"-"+program+".cdx.json", filepath.Join(stage, p.executable(program)), program); err != nil {
			return err
		}
	}
	write, ending := release.TarGz, ".tar.gz"
	if p.goos == "windows" {
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
	if p.goos != "linux" {
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
				"ARCH": p.goarch, "VERSION": d.version, "STAGE": stage,
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
func packageArch(p platform, format string) string {
	if format == "deb" {
		return p.goarch
	}
	return map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[p.goarch]
}

// writeBill writes the bill of materials of a binary.
func (d distribution) writeBill(path, binary, program string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	bill, err := release.BillOfMaterials(info, release.Program{Name: program, Version: d.version, Licences: d.licences}, d.modified)
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
