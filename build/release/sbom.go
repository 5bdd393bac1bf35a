// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"bytes"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
)

// writeBill writes the bill of materials of the program in the file binary.
func (d distribution) writeBill(path, binary, name string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	bill, err := billOfMaterials(info, subject{name: name, version: d.version, licences: d.licences}, d.modified)
	if err != nil {
		return err
	}
	return os.WriteFile(path, bill, 0o644)
}

// subject is what a bill of materials describes.
type subject struct {
	name, version string
	licences      map[string]string // SPDX identifiers, by the path of a module
}

// billOfMaterials lists the modules in a program, as CycloneDX JSON. info is what the
// program's file says about itself. A replaced module is listed as what replaces it. A
// module without a licence is an error.
func billOfMaterials(info *debug.BuildInfo, about subject, modified time.Time) ([]byte, error) {
	modules := []*debug.Module{{Path: "std", Version: strings.TrimPrefix(info.GoVersion, "go")}}
	for _, module := range info.Deps {
		if module.Replace != nil {
			module = module.Replace
		}
		modules = append(modules, module)
	}
	components := make([]cyclonedx.Component, 0, len(modules))
	for _, module := range modules {
		licence, ok := about.licences[module.Path]
		if !ok {
			return nil, fmt.Errorf("%s: the licence of %s is unknown", about.name, module.Path)
		}
		purl := fmt.Sprintf("pkg:golang/%s@%s?type=module", module.Path, strings.ReplaceAll(module.Version, "+", "%2B"))
		component := cyclonedx.Component{
			BOMRef:     purl,
			Type:       cyclonedx.ComponentTypeLibrary,
			Name:       module.Path,
			Version:    module.Version,
			PackageURL: purl,
			Licenses:   &cyclonedx.Licenses{{License: &cyclonedx.License{ID: licence}}},
		}
		// The sum of go.sum: SHA-256 of the names and SHA-256s of the files.
		if sum, ok := strings.CutPrefix(module.Sum, "h1:"); ok {
			digest, err := base64.StdEncoding.DecodeString(sum)
			if err != nil {
				return nil, fmt.Errorf("%s: sum of %s: %w", about.name, module.Path, err)
			}
			component.Hashes = &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: hex.EncodeToString(digest)}}
		}
		components = append(components, component)
	}

	bom := cyclonedx.NewBOM()
	bom.Metadata = &cyclonedx.Metadata{
		Timestamp: modified.UTC().Format(time.RFC3339),
		Component: &cyclonedx.Component{
			BOMRef:   about.name,
			Type:     cyclonedx.ComponentTypeApplication,
			Name:     about.name,
			Version:  about.version,
			Licenses: &cyclonedx.Licenses{{License: &cyclonedx.License{ID: "Apache-2.0"}}},
		},
		Properties: &[]cyclonedx.Property{
			{Name: "go:GOOS", Value: settingOf(info, "GOOS")},
			{Name: "go:GOARCH", Value: settingOf(info, "GOARCH")},
		},
	}
	bom.Components = &components
	var content bytes.Buffer
	// More scanners read 1.5 than later versions.
	err := cyclonedx.NewBOMEncoder(&content, cyclonedx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cyclonedx.SpecVersion1_5)
	return content.Bytes(), err
}

func settingOf(info *debug.BuildInfo, key string) string {
	for _, setting := range info.Settings {
		if setting.Key == key {
			return setting.Value
		}
	}
	return ""
}
