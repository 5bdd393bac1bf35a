// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"bytes"
	"encoding/json"
	"runtime/debug"
	"testing"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/stretchr/testify/require"
)

func sampleInfo() *debug.BuildInfo {
	return &debug.BuildInfo{
		GoVersion: "go1.26.0",
		Deps: []*debug.Module{
			{Path: "example.com/a", Version: "v1.0.0+incompatible", Sum: "h1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="},
			{Path: "example.com/b", Version: "v1.0.0", Replace: &debug.Module{Path: "example.com/fork", Version: "v2.0.0"}},
		},
		Settings: []debug.BuildSetting{{Key: "GOOS", Value: "linux"}, {Key: "GOARCH", Value: "arm64"}},
	}
}

func sampleSubject() subject {
	return subject{name: "program", version: "1.2.3", licences: map[string]string{"std": "BSD-3-Clause", "example.com/a": "MIT", "example.com/fork": "Apache-2.0"}}
}

func TestBillOfMaterials(t *testing.T) {
	t.Run("lists Go and the modules that are in the binary, with versions, sums and licences", func(t *testing.T) {
		content, err := billOfMaterials(sampleInfo(), sampleSubject(), commitTime)
		require.NoError(t, err)
		var bom cyclonedx.BOM
		require.NoError(t, cyclonedx.NewBOMDecoder(bytes.NewReader(content), cyclonedx.BOMFileFormatJSON).Decode(&bom))
		require.Equal(t, cyclonedx.SpecVersion1_5, bom.SpecVersion)
		require.Equal(t, "2026-02-05T22:17:08Z", bom.Metadata.Timestamp)
		require.Equal(t, "program 1.2.3", bom.Metadata.Component.Name+" "+bom.Metadata.Component.Version)
		require.Equal(t, []cyclonedx.Property{{Name: "go:GOOS", Value: "linux"}, {Name: "go:GOARCH", Value: "arm64"}}, *bom.Metadata.Properties)
		var lines []string
		for _, component := range *bom.Components {
			lines = append(lines, component.PackageURL+" "+(*component.Licenses)[0].License.ID)
		}
		require.Equal(t, []string{
			"pkg:golang/std@1.26.0?type=module BSD-3-Clause",
			"pkg:golang/example.com/a@v1.0.0%2Bincompatible?type=module MIT",
			"pkg:golang/example.com/fork@v2.0.0?type=module Apache-2.0",
		}, lines)
		require.Equal(t, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", (*(*bom.Components)[1].Hashes)[0].Value)
	})
	t.Run("has nothing that differs from run to run", func(t *testing.T) {
		one, err := billOfMaterials(sampleInfo(), sampleSubject(), commitTime)
		require.NoError(t, err)
		other, err := billOfMaterials(sampleInfo(), sampleSubject(), commitTime)
		require.NoError(t, err)
		require.Equal(t, one, other)
		require.True(t, json.Valid(one))
	})
	t.Run("a module whose licence is unknown is an error", func(t *testing.T) {
		about := sampleSubject()
		delete(about.licences, "example.com/fork")
		_, err := billOfMaterials(sampleInfo(), about, commitTime)
		require.ErrorContains(t, err, "example.com/fork")
	})
	t.Run("an invalid sum is an error", func(t *testing.T) {
		info := sampleInfo()
		info.Deps[0].Sum = "h1:?"
		_, err := billOfMaterials(info, sampleSubject(), commitTime)
		require.ErrorContains(t, err, "example.com/a")
	})
}
