// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package verify

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/require"
)

var plantedLines = flag.Int("planted-lines", 100_000, "how many lines TestPlantedFaultsAmongManyLines has")

// recordFormat has the size of what Filebeat sends for a line of 200 bytes.
const recordFormat = `{"@timestamp":"2021-02-05T22:17:09.123Z","@metadata":{"beat":"filebeat","type":"_doc","version":"9.0.0"},` +
	`"ecs":{"version":"8.0.0"},"host":{"name":"web-7.example.com","architecture":"x86_64","os":{"type":"linux","kernel":"6.1.0"}},` +
	`"agent":{"version":"9.0.0","ephemeral_id":"5f9c4a5e-5d0c-4f0e-9a55-0d8b7f6b8f0d","id":"0b6f0a3e-6a1f-4b1b-8a0d-54c1a0d0c8de","name":"web-7","type":"filebeat"},` +
	`"log":{"offset":%d,"file":{"inode":"%d","path":"/var/log/app-%d.log","device_id":"65024"}},"message":"%s","input":{"type":"filestream"}}` + "\n"

// TestPlantedFaultsAmongManyLines has several files whose lines land by turns, in rotated
// parts, with a missing line, a double and two that are swapped. One file is gzip'd since, one
// renamed. -planted-lines 10000000 is its long form: it prints the time and the memory.
func TestPlantedFaultsAmongManyLines(t *testing.T) {
	const files, batch = 5, 1000
	folder := t.TempDir()
	each := *plantedLines / files
	isLong := *plantedLines > 1_000_000
	if !isLong {
		defer func(before int) { runPlaces = before }(runPlaces)
		runPlaces = 7000 // so that there are several runs
	}
	var logs [files]*writer
	var offsets [files]int
	var sources []string
	want := []string{}
	for i := range logs {
		sources = append(sources, filepath.Join(folder, fmt.Sprintf("app-%d.log", i)))
		logs[i] = create(t, sources[i])
	}
	part, landedBytes := 0, 0
	to := create(t, filepath.Join(folder, "landed", "records-2021-02-05T000000.000Z.ndjson"))
	put := func(file, offset int, line string) {
		n, err := fmt.Fprintf(to, recordFormat, offset, file+100, file, line)
		require.NoError(t, err)
		landedBytes += n
	}
	for from := 0; from < each; from += batch {
		if from/batch%50 == 49 {
			to.close(t)
			part++
			to = create(t, filepath.Join(folder, "landed", fmt.Sprintf("records-2021-02-05T%06d.000Z.ndjson", part)))
		}
		for file := range files {
			held := ""
			for i := from; i < min(from+batch, each); i++ {
				line := fmt.Sprintf(`192.0.2.%d - - [05/Feb/2021:22:17:%02d +0000] 'GET /articles/%d HTTP/1.1' 200 %d '-' 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)' file=%d seq=%09d `, i%250, i%60, i%1000, i%5000, file, i)
				offset, end := offsets[file], offsets[file]+len(line)+1
				_, err := logs[file].WriteString(line + "\n")
				require.NoError(t, err)
				offsets[file] = end
				name := fmt.Sprintf("app-%d.log%s", file, map[int]string{1: ".gz", 3: ".1"}[file])
				switch {
				case file == 1 && i == each/3:
					want = append(want, span(name+" missing", offset, end))
				case file == 2 && i == each/2:
					put(file, offset, line)
					put(file, offset, line)
					want = append(want, span(name+" double", offset, end))
				case file == 3 && i == each/4*3:
					held = line
					want = append(want, span(name+" out of order", offset, end))
				default:
					put(file, offset, line)
					if held != "" {
						put(file, offset-len(held)-1, held)
						held = ""
					}
				}
			}
			require.Empty(t, held)
		}
	}
	to.close(t)
	for i := range logs {
		logs[i].close(t)
	}
	sources[1] = compress(t, sources[1])
	require.NoError(t, os.Rename(sources[3], sources[3]+".1"))
	sources[3] += ".1"
	begun, cpu := time.Now(), cpuTime(t)
	found, s := verified(t, folder, Options{Sources: sources})
	took := time.Since(begun)
	cpu = cpuTime(t) - cpu
	require.ElementsMatch(t, want, found)
	require.EqualValues(t, each*files, s.Lines)
	if isLong {
		status, err := os.ReadFile("/proc/self/status")
		require.NoError(t, err)
		t.Logf("%d lines, %d MB landed: %v, %v of CPU time, %s", s.Lines, landedBytes/1e6, took.Round(100*time.Millisecond), cpu.Round(100*time.Millisecond), regexp.MustCompile(`VmHWM:.*`).Find(status))
		require.Less(t, cpu, time.Minute) // on a busy machine it takes longer
	}
}

// compress does what logrotate's compress does.
func compress(t *testing.T, path string) (compressed string) {
	t.Helper()
	plain, err := os.Open(path)
	require.NoError(t, err)
	to := create(t, path+".gz")
	packed, err := gzip.NewWriterLevel(to, gzip.BestSpeed)
	require.NoError(t, err)
	_, err = io.Copy(packed, plain)
	require.NoError(t, err)
	require.NoError(t, packed.Close())
	to.close(t)
	require.NoError(t, plain.Close())
	require.NoError(t, os.Remove(path))
	return path + ".gz"
}

func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
