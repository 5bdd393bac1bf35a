// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestOddFilesAreVerified has the inode in its records, or for a gzip'd file the first line only.
func TestOddFilesAreVerified(t *testing.T) {
	long := strings.Repeat("long ", 1<<20) // beyond every buffer
	for _, c := range []struct {
		name, content string
		without       int // this record is missing; -1 for none
		want          []string
	}{
		{"nothing in it", "", -1, nil},
		{"only half a line", "half a line", -1, nil},
		{"only line ends", "\n\r\n\n", -1, nil},
		{"a line that is very long", "one\n" + long + "\nthree\n", 1, []string{span("a missing", 4, 5+len(long))}},
		{"a first line that is very long", long + "\ntwo\nthree\n", 1, []string{span("a missing", len(long)+1, len(long)+5)}},
		{"bytes that are not UTF-8", "one\n\xff\xfe\xc3\nthree\xa0\n", 1, []string{"a missing 4-8"}},
		{"a first line that is not UTF-8", "caf\xe9\ntwo\nthree\n", 1, []string{"a missing 5-9"}},
		{"zero bytes", "\x00\x00\x00\x00one\ntwo\x00\nthree\n", 1, []string{"a missing 8-13"}},
		{"CRLF and half a line", "one\r\ntwo\r\nthree\r", 1, []string{"a missing 5-10 end"}},
		{"a carriage return inside of a line", "one\rone\ntwo\n", 1, []string{"a missing 8-12 end"}},
		{"white space only", "one\n   \n\t\nthree\n", 1, []string{"a missing 4-8"}},
		{"a mark of UTF-8", "\ufeffone\ntwo\n", 1, []string{"a missing 7-11 end"}},
	} {
		for _, name := range []string{"a", "a.gz"} {
			t.Run(c.name+", "+name, func(t *testing.T) {
				folder := t.TempDir()
				path := write(t, folder, name, c.content)
				of := record{inode: inode(t, path)}
				if name == "a.gz" {
					of.inode = "1-2"
				}
				var records []record
				whole := c.content[:strings.LastIndexByte(c.content, '\n')+1]
				for _, r := range recordsOf(whole, of) {
					r.message = strings.ToValidUTF8(r.message, "\ufffd")
					records = append(records, r)
				}
				if c.without >= 0 {
					records = append(records[:c.without:c.without], records[c.without+1:]...)
				}
				write(t, folder, "landed/records.ndjson", landed(records...))
				found, s := verified(t, folder, Options{Sources: []string{path}})
				for i := range found {
					found[i] = strings.Replace(found[i], "a.gz ", "a ", 1)
				}
				require.Equal(t, c.want, found)
				require.Zero(t, s.Others)
			})
		}
	}
}

func TestWhatCannotBeReadIsNamed(t *testing.T) {
	content := linesOf("a", 4000)
	for _, c := range []struct {
		name   string
		change func(packed string) string
		want   string
	}{
		{"half a gzip'd file", func(packed string) string { return packed[:len(packed)/2] }, "unexpected EOF"},
		{"only the head of one", func(packed string) string { return packed[:5] }, "EOF"},
		{"one with a wrong byte", func(packed string) string { return packed[:len(packed)-9] + "x" + packed[len(packed)-8:] }, ""},
		{"xz", func(string) string { return "\xfd7zXZ\x00\x00\x04" }, "compressed with xz: only gzip is read"},
		{"zstd", func(string) string { return "\x28\xb5\x2f\xfd\x04" }, "compressed with zstd: only gzip is read"},
		{"bzip2", func(string) string { return "BZh91AY&SYxx" }, "compressed with bzip2: only gzip is read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			packed, err := os.ReadFile(write(t, folder, "whole.gz", content))
			require.NoError(t, err)
			path := filepath.Join(folder, "part")
			require.NoError(t, os.WriteFile(path, []byte(c.change(string(packed))), 0o600))
			plain := write(t, folder, "a.log", content)
			parts, err := FolderParts(path)
			require.NoError(t, err)
			_, err = Run(t.Context(), Options{Sources: []string{plain}, Landed: parts})
			require.ErrorContains(t, err, path+": ")
			require.ErrorContains(t, err, c.want)
			_, err = Run(t.Context(), Options{Sources: []string{path}})
			require.ErrorContains(t, err, path+": ")
			require.ErrorContains(t, err, c.want)
		})
	}
}

// TestWhatIsWrittenMeanwhileDoesNotCountYet: lines and records that come between the two passes.
func TestWhatIsWrittenMeanwhileDoesNotCountYet(t *testing.T) {
	folder := t.TempDir()
	content := linesOf("a", 100)
	path := write(t, folder, "a.log", content)
	records := recordsOf(content, record{inode: inode(t, path)})
	landing := write(t, folder, "landed/records.ndjson", landed(records[:99]...)+records[99].String()[:50])
	parts, err := FolderParts(landing)
	require.NoError(t, err)
	open := parts[0].Open
	parts[0].Open = func(ctx context.Context) (io.ReadCloser, error) {
		appendTo(t, path, "another line\n") // behind what was there when the run began
		appendTo(t, landing, records[99].String()[50:]+"\n"+record{inode: inode(t, path), offset: len(content)}.String()+"\n{")
		return open(ctx)
	}
	s, err := Run(t.Context(), Options{Sources: []string{path}, Landed: parts})
	require.NoError(t, err)
	require.True(t, s.OK(), "%+v", s)
	require.EqualValues(t, 100, s.Lines)
	require.EqualValues(t, 101, s.Records)
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteString(text)
	require.NoError(t, err)
	require.NoError(t, file.Close())
}

// TestHostileRecordsDoNoHarm: what has landed may come from anybody.
func TestHostileRecordsDoNoHarm(t *testing.T) {
	folder := t.TempDir()
	path := write(t, folder, "a.log", "one\n")
	good := record{inode: inode(t, path), message: "one"}.String()
	write(t, folder, "landed/records.ndjson", strings.Join([]string{
		good,
		strings.Repeat("[", 1<<20),
		`{"log":` + strings.Repeat(`{"log":`, 1<<18),
		`{"log":{"offset":99999999999999999999,"file":{"inode":"1","device_id":"2"}}}`,
		`{"log":{"offset":-1,"file":{"inode":"1","device_id":"2"}}}`,
		`{"log":{"offset":9223372036854775807,"file":{"inode":"1","device_id":"2"}}}`,
		`{"log":{"offset":0.5,"file":{"inode":1,"device_id":2}}}`,
		`{"log":null}`, "null", "\x00\x00", "", "",
	}, "\n")+"\n")
	found, s := verified(t, folder, Options{Sources: []string{path}})
	require.Len(t, found, 4, "%v", found)
	require.EqualValues(t, 4, s.Unreadable)
	require.EqualValues(t, 2, s.Records)
	require.EqualValues(t, 1, s.Others)
	require.EqualValues(t, 4, s.Placeless)
}
