// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/magefile/mage/sh"

	"filebeat-websocket/build/program"
	"filebeat-websocket/build/tool"
)

const (
	productName = "filebeat-websocket"
	distFolder  = "build/dist"

	packagerPackage = "github.com/goreleaser/nfpm/v2/cmd/nfpm"
	packagerVersion = "v2.43.0"
)

// Options are what a user may choose.
type Options struct {
	Platforms *string // such as linux/amd64,darwin/arm64; nil is all
	Version   *string // nil is that of the commit's tag, or one made from its time

	images bool              // an archive of the images' files for each linux platform, too
	more   map[string]string // other files, by their names
}

// imagePlatform is what images are made for.
var imagePlatform = program.Platform{GOOS: "linux", GOARCH: runtime.GOARCH}

// Packages fills build/dist with everything for the platforms, and removes the rest of it.
func Packages(options Options) error {
	chosen, err := program.ChoosePlatforms(options.Platforms)
	if err != nil {
		return err
	}
	d, err := newDistribution(options.Version)
	if err != nil {
		return err
	}
	if _, err := emptyFolder(distFolder); err != nil {
		return err
	}
	d.images = options.images
	for number, platform := range chosen {
		fmt.Printf("%d of %d: %s\n", number+1, len(chosen), platform)
		if err := d.makeAll(platform); err != nil {
			return fmt.Errorf("%s: %w", platform, err)
		}
	}
	for name, content := range options.more {
		if err := os.WriteFile(filepath.Join(distFolder, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return writeSums(distFolder)
}

// Image fills build/image for linux on the architecture of this machine.
func Image() error {
	d, err := newDistribution(nil)
	if err != nil {
		return err
	}
	stage, err := d.stage(imagePlatform)
	if err != nil {
		return err
	}
	return d.image(stage)
}

// makeAll makes everything for one platform.
func (d distribution) makeAll(p program.Platform) error {
	stage, err := d.stage(p)
	if err != nil {
		return err
	}
	base := filepath.Join(distFolder, archiveName(d.version, p))
	for _, built := range program.Programs {
		if err := d.writeBill(base+"-"+built.Name+".cdx.json", filepath.Join(stage, p.Executable(built.Name)), built.Name); err != nil {
			return err
		}
	}
	if err := d.archive(stage, base, p); err != nil {
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
	if d.images {
		if err := d.imageArchive(stage, base, p); err != nil {
			return err
		}
	}
	return d.systemPackages(stage, p)
}

// systemPackages makes the debs and the rpms from the folder of the platform's archive.
func (d distribution) systemPackages(stage string, p program.Platform) error {
	packager, err := tool.Install(tool.Cache, packagerPackage, packagerVersion)
	if err != nil {
		return err
	}
	for _, name := range []string{productName, program.Wsreceiver.Name} {
		for _, format := range []string{"deb", "rpm"} {
			target := filepath.Join(distFolder, packageName(name, d.version, format, p))
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

// archiveName is the name of the platform's archive without its ending, with the words that
// Elastic uses for architectures.
func archiveName(version string, p program.Platform) string {
	arch := strings.Replace(p.GOARCH, "amd64", "x86_64", 1)
	return fmt.Sprintf("%s-%s-%s-%s", productName, version, p.GOOS, arch)
}

// packageName is the name of a deb or rpm, with the words that these use for architectures.
func packageName(name, version, format string, p program.Platform) string {
	arch := p.GOARCH
	if format == "rpm" {
		arch = map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[p.GOARCH]
	}
	return fmt.Sprintf("%s-%s-%s.%s", name, version, arch, format)
}
