// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
)

// Program is what a bill of materials is about.
type Program struct {
	Name, Version string
	// Licences has the SPDX identifier of each module's licence, by its path.
	Licences map[string]string
}

// BillOfMaterials lists the modules in a binary, as CycloneDX JSON. info is what
// the binary says about itself; a module that is replaced is listed as what
// replaces it. A module without a licence in program is an error.
func BillOfMaterials(info *debug.BuildInfo, program Program, modified time.Time) ([]byte, error) {
	modules := []*debug.Module{{Path: "std", Version: strings.TrimPrefix(info.GoVersion, "go")}}
	for _, module := range info.Deps {
		if module.Replace != nil {
			module = module.Replace
		}
		modules = append(modules, module)
	}
	components := make([]cyclonedx.Component, 0, len(modules))
	for _, module := range modules {
		licence, ok := program.Licences[module.Path]
		if !ok {
			return nil, fmt.Errorf("%s: the licence of %s is not known", program.Name, module.Path)
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
				return nil, fmt.Errorf("%s: sum of %s: %w", program.Name, module.Path, err)
			}
			component.Hashes = &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: hex.EncodeToString(digest)}}
		}
		components = append(components, component)
	}

	bom := cyclonedx.NewBOM()
	bom.Metadata = &cyclonedx.Metadata{
		Timestamp: modified.UTC().Format(time.RFC3339),
		Component: &cyclonedx.Component{
			BOMRef:   program.Name,
			Type:     cyclonedx.ComponentTypeApplication,
			Name:     program.Name,
			Version:  program.Version,
			Licenses: &cyclonedx.Licenses{{License: &cyclonedx.License{ID: "Apache-2.0"}}},
		},
		Properties: &[]cyclonedx.Property{
			{Name: "go:GOOS", Value: setting(info, "GOOS")},
			{Name: "go:GOARCH", Value: setting(info, "GOARCH")},
		},
	}
	bom.Components = &components
	var content bytes.Buffer
	// 1.5 is read by more scanners than what came after it.
	err := cyclonedx.NewBOMEncoder(&content, cyclonedx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cyclonedx.SpecVersion1_5)
	return content.Bytes(), err
}

func setting(info *debug.BuildInfo, key string) string {
	for _, setting := range info.Settings {
		if setting.Key == key {
			return setting.Value
		}
	}
	return ""
}
