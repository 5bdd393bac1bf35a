// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package dedup

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"filebeat-websocket/receiver/sink/file"
)

// shippedLine is a record as filebeat writes it for a line of 100 bytes in a file with a
// fingerprint.
const shippedLine = `{"@timestamp":"2021-02-05T22:17:09.123Z","@metadata":{"beat":"filebeat","type":"_doc","version":"9.2.0","_id":"%022d"},` +
	`"message":"%0100d","log":{"offset":%d,"file":{"path":"/var/log/containers/app-7d9c5b6f4-x2x9k_default_app.log",` +
	`"device_id":"64768","inode":"1838291","fingerprint":"f1d8a0f1f3a0c8d7b2a4e6c5f1d8a0f1f3a0c8d7b2a4e6c5f1d8a0f1f3a0c8d7"}},` +
	`"input":{"type":"filestream"},"ecs":{"version":"8.0.0"},"host":{"name":"node-1.example"},` +
	`"agent":{"version":"9.2.0","ephemeral_id":"0b3e4b5e-2f0b-4c39-9a52-8e3a3f4f2d11","id":"6c3f1d7e-1111-4a4a-8d8d-7a5d8d8f9a10","name":"node-1","type":"filebeat"}}` + "\n"

// BenchmarkRecall reads a million ids back from a folder of files: 0.7 GB.
func BenchmarkRecall(b *testing.B) {
	const ids, perFile = 1_000_000, 150_000
	folder := b.TempDir()
	for first := 0; first < ids; first += perFile {
		name := filepath.Join(folder, fmt.Sprintf("records-2021-02-05T2217%02d.000Z.ndjson", first/perFile))
		out, err := os.Create(name)
		if err != nil {
			b.Fatal(err)
		}
		buffer := bufio.NewWriterSize(out, 1<<20)
		for n := first; n < min(ids, first+perFile); n++ {
			_, _ = fmt.Fprintf(buffer, shippedLine, n, n, 700*n)
		}
		if err := buffer.Flush(); err != nil {
			b.Fatal(err)
		}
		if err := out.Close(); err != nil {
			b.Fatal(err)
		}
	}
	sink, err := file.OpenFolder(folder, file.FolderOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer sink.Close() //nolint:errcheck // nothing was written
	begun := cpuTime(b)
	for b.Loop() {
		d := New(ids, sink)
		if found, err := d.Recall(b.Context(), sink.ReadBack); err != nil || found != ids {
			b.Fatal(found, err)
		}
	}
	b.ReportMetric((cpuTime(b)-begun).Seconds()/float64(b.N), "CPU-s/op")
}

// cpuTime is what this process has used.
func cpuTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
