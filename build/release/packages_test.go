// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/build/program"
)

func TestVersionOf(t *testing.T) {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	for name, try := range map[string]struct {
		stamp program.Stamp
		want  string
	}{
		"a tag is the version":                     {program.Stamp{Version: "v1.2.3", Commit: commit, Time: commitTime}, "1.2.3"},
		"a commit without a tag has time and hash": {program.Stamp{Commit: commit, Time: commitTime}, program.Version + "-20260205221708.0123456789ab"},
		"changed files are said":                   {program.Stamp{Commit: commit + "-dirty", Time: commitTime}, program.Version + "-20260205221708.0123456789ab.dirty"},
		"a folder without git has the time":        {program.Stamp{Time: commitTime}, program.Version + "-20260205221708"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, try.want, versionOf(try.stamp))
		})
	}
}

func TestNames(t *testing.T) {
	for platform, want := range map[program.Platform][]string{
		{GOOS: "linux", GOARCH: "amd64"}:   {"filebeat-websocket-1.2.3-linux-x86_64", "wsreceiver-1.2.3-amd64.deb", "wsreceiver-1.2.3-x86_64.rpm"},
		{GOOS: "linux", GOARCH: "arm64"}:   {"filebeat-websocket-1.2.3-linux-arm64", "wsreceiver-1.2.3-arm64.deb", "wsreceiver-1.2.3-aarch64.rpm"},
		{GOOS: "windows", GOARCH: "amd64"}: {"filebeat-websocket-1.2.3-windows-x86_64"},
	} {
		require.Equal(t, want[0], archiveName("1.2.3", platform))
		if platform.GOOS == "linux" {
			require.Equal(t, want[1], packageName("wsreceiver", "1.2.3", "deb", platform))
			require.Equal(t, want[2], packageName("wsreceiver", "1.2.3", "rpm", platform))
		}
	}
}

func TestArchiveIsOfTheKindOfThePlatform(t *testing.T) {
	d := distribution{modified: commitTime}
	for goos, want := range map[string]string{"linux": ".tar.gz", "darwin": ".tar.gz", "windows": ".zip"} {
		base := filepath.Join(t.TempDir(), "top")
		require.NoError(t, d.archive(sampleFolder(t, 0, 1, 2), base, program.Platform{GOOS: goos, GOARCH: "amd64"}))
		content := []byte(read(t, base+want))
		if want == ".zip" {
			require.Equal(t, wantEntries, readZip(t, content))
		} else {
			require.Equal(t, wantEntries, readTarGz(t, content))
		}
	}
}

func TestPackagesKeepsWhatIsThereUntilItKnowsWhatToMake(t *testing.T) {
	t.Chdir(t.TempDir())
	writeAll(t, distFolder, map[string]string{"old.deb": ""})

	wrong := "linux/amd64,plan9/amd64"
	require.ErrorContains(t, Packages(Options{Platforms: &wrong}), "plan9/amd64")

	t.Setenv("SOURCE_DATE_EPOCH", "")
	require.ErrorContains(t, Packages(Options{}), "set SOURCE_DATE_EPOCH")

	_, err := os.Stat(filepath.Join(distFolder, "old.deb"))
	require.NoError(t, err)
}

func TestBillOfThisTest(t *testing.T) {
	binary, err := os.Executable()
	require.NoError(t, err)
	bill := filepath.Join(t.TempDir(), "bill.json")
	err = distribution{modified: commitTime}.writeBill(bill, binary, "test")
	require.ErrorContains(t, err, "test: the licence of std is unknown")
	require.NoFileExists(t, bill)
}
