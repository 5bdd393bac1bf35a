// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/stretchr/testify/require"
)

func TestEachFaultIsNamedByItsBytes(t *testing.T) {
	content := linesOf("a", 100)
	start := func(n int) int {
		return len(strings.Join(strings.SplitAfter(content, "\n")[:n], ""))
	}
	for _, c := range []struct {
		name   string
		change func(r []record) []record
		want   []string
	}{
		{"nothing", func(r []record) []record { return r }, nil},
		{"a line is missing", func(r []record) []record { return slices.Delete(r, 20, 21) },
			[]string{span("a.log missing", start(20), start(21))}},
		{"the first line is missing", func(r []record) []record { return r[1:] },
			[]string{span("a.log missing", 0, start(1))}},
		{"lines at the end are missing", func(r []record) []record { return r[:90] },
			[]string{span("a.log missing", start(90), len(content)) + " (10) end"}},
		{"two gaps", func(r []record) []record { return slices.Concat(r[:10], r[12:30], r[31:]) },
			[]string{span("a.log missing", start(10), start(12)) + " (2)", span("a.log missing", start(30), start(31))}},
		{"a line is there twice", func(r []record) []record { return slices.Insert(r, 50, r[40]) },
			[]string{span("a.log double", start(40), start(41))}},
		{"a batch is there twice", func(r []record) []record { return slices.Concat(r[:60], r[50:]) },
			[]string{span("a.log double", start(50), start(60)) + " (10)"}},
		{"two lines are swapped", func(r []record) []record { r[7], r[8] = r[8], r[7]; return r },
			[]string{span("a.log out of order", start(7), start(8))}},
		{"a batch came late", func(r []record) []record { return slices.Concat(r[:10], r[20:40], r[10:20], r[40:]) },
			[]string{span("a.log out of order", start(10), start(20)) + " (10)"}},
		{"an offset is not the start of a line", func(r []record) []record { r[5].offset++; return r },
			[]string{span("a.log stray", start(5)+1, start(5)+1), span("a.log missing", start(5), start(6))}},
		{"a record is behind the end", func(r []record) []record {
			more := r[99]
			more.offset = len(content)
			return append(r, more)
		}, []string{span("a.log stray", len(content), len(content))}},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			path := write(t, folder, "a.log", content)
			records := recordsOf(content, record{path: path, inode: inode(t, path)})
			write(t, folder, "landed/records.ndjson", landed(c.change(records)...))
			found, s := verified(t, folder, Options{Sources: []string{path}})
			require.ElementsMatch(t, c.want, found)
			require.EqualValues(t, 100, s.Lines)
		})
	}
}

func span(what string, from, to int) string {
	return fmt.Sprintf("%s %d-%d", what, from, to)
}

func TestLinesAreThoseOfTheFile(t *testing.T) {
	multiline := []string{"multiline"}
	for _, c := range []struct {
		name, content string
		records       []record
		want          []string
	}{
		{"empty lines are no events", "one\n\ntwo\n\n", []record{{offset: 0, message: "one"}, {offset: 5, message: "two"}}, nil},
		{"CRLF", "one\r\n\r\ntwo\r\n", []record{{offset: 0, message: "one"}, {offset: 7, message: "two"}}, nil},
		{"a line without its end", "one\ntwo", []record{{offset: 0, message: "one"}}, nil},
		{"a multiline event has the place of its last line", "a\n b\n\n c\nd\n",
			[]record{{offset: 6, message: "a\n b\n\n c", flags: multiline}, {offset: 9, message: "d"}}, nil},
		{"with empty lines behind", "a\n b\n\n\nd\n",
			[]record{{offset: 2, message: "a\n b\n\n", flags: multiline}, {offset: 7, message: "d"}}, nil},
		{"a gap before a multiline event", "x\na\n b\nd\n",
			[]record{{offset: 4, message: "a\n b", flags: multiline}, {offset: 7, message: "d"}}, []string{"a.log missing 0-2"}},
		{"a gap between multiline events", "a\n b\nc\n d\ne\n f\n",
			[]record{{offset: 2, message: "a\n b", flags: multiline}, {offset: 12, message: "e\n f", flags: multiline}}, []string{"a.log missing 5-10 (2)"}},
		{"a multiline event that was cut", "a\n b\n c\n d\ne\n",
			[]record{{offset: 8, message: "a\n b", flags: []string{"truncated", "multiline"}}, {offset: 11, message: "e"}}, nil},
		{"a multiline event without line breaks", "a\n b\n c\ne\n",
			[]record{{offset: 5, message: "a b c", flags: multiline}, {offset: 8, message: "e"}}, nil},
		{"a part of a multiline event is there again", "a\n b\n c\n",
			[]record{{offset: 2, message: "a\n b", flags: multiline}, {offset: 5, message: "a\n b\n c", flags: multiline}}, []string{"a.log double 5-8"}},
		{"a line that a runtime has split", cri("P one") + cri("F rest") + cri("F two"),
			[]record{{offset: 0, message: "onerest"}, {offset: 89, message: "two"}}, nil},
		{"a line behind one that a runtime has split is missing", cri("P one") + cri("F rest") + cri("F two"),
			[]record{{offset: 0, message: "onerest"}}, []string{"a.log missing 89-133 end"}},
		{"UTF-16 with a mark", utf16Text("\ufeffone\näöü\nĊĀ\nend\n", binary.LittleEndian),
			[]record{{offset: 0, message: "one"}, {offset: 8, message: "äöü"}, {offset: 16, message: "ĊĀ"}, {offset: 22, message: "end"}}, nil},
		{"UTF-16, big endian", utf16Text("one\nĀĊ\nend\n", binary.BigEndian),
			[]record{{offset: 0, message: "one"}, {offset: 8, message: "ĀĊ"}, {offset: 14, message: "end"}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			path := write(t, folder, "a.log", c.content)
			for i := range c.records {
				c.records[i].inode = inode(t, path)
			}
			write(t, folder, "landed/records.ndjson", landed(c.records...))
			found, _ := verified(t, folder, Options{Sources: []string{path}})
			require.Equal(t, c.want, found)
		})
	}
}

func cri(text string) string { return "2016-10-06T00:17:09.669794202Z stdout " + text + "\n" }

func utf16Text(text string, order binary.AppendByteOrder) string {
	var b []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, unit)
	}
	return string(b)
}

// TestTheLogInputsEventsBeginAtTheirFirstLine: its records have no inode.
func TestTheLogInputsEventsBeginAtTheirFirstLine(t *testing.T) {
	folder := t.TempDir()
	path := write(t, folder, "a.log", "a\n b\n c\nd\n")
	write(t, folder, "landed/records.ndjson", landed(
		record{path: path, offset: 0, message: "a\n b\n c", flags: []string{"multiline"}}, record{path: path, offset: 8, message: "d"}))
	found, _ := verified(t, folder, Options{Sources: []string{path}})
	require.Empty(t, found)
}

func TestRotatedAndCompressedFilesAreKnownByTheirFingerprint(t *testing.T) {
	folder := t.TempDir()
	var all []record
	var sources []string
	for _, name := range []string{"a.log.2.gz", "a.log.1", "a.log"} {
		content := linesOf(name, 40)
		all = append(all, recordsOf(content, record{path: "/var/log/a.log", inode: "1-2", fingerprint: fingerprintOf(content)})...)
		sources = append(sources, write(t, folder, name, content))
	}
	write(t, folder, "landed/records.ndjson.2.gz", landed(all[:50]...))
	write(t, folder, "landed/records.ndjson.1", landed(all[50:90]...))
	write(t, folder, "landed/records.ndjson", landed(all[90:]...))
	found, s := verified(t, folder, Options{Sources: sources})
	require.Empty(t, found)
	require.EqualValues(t, 120, s.Lines)

	write(t, folder, "landed/records.ndjson.2.gz", landed(slices.Delete(all[:50], 3, 4)...))
	found, _ = verified(t, folder, Options{Sources: sources})
	require.Len(t, found, 1)
	require.Contains(t, found[0], "a.log.2.gz missing ")
}

// TestAnInodeThatIsUsedAgain: a rotated file is compressed, which frees its inode for the
// next file. Both have records with that inode.
func TestAnInodeThatIsUsedAgain(t *testing.T) {
	folder := t.TempDir()
	before, after := linesOf("before", 20), linesOf("after", 30)
	path := write(t, folder, "a.log", after)
	compressed := write(t, folder, "a.log.1.gz", before)
	of := record{path: path, inode: inode(t, path)}
	records := slices.Concat(recordsOf(before, of), recordsOf(after, of))
	write(t, folder, "landed/records.ndjson", landed(records...))
	found, s := verified(t, folder, Options{Sources: []string{path, compressed}})
	require.Empty(t, found)
	require.EqualValues(t, 50, s.Lines)
	require.Zero(t, s.Others)

	write(t, folder, "landed/records.ndjson", landed(slices.Delete(records, 10, 11)...))
	found, _ = verified(t, folder, Options{Sources: []string{path, compressed}})
	require.Len(t, found, 1)
	require.Contains(t, found[0], "a.log.1.gz missing ")
}

// TestAFileThatWasCopiedAndTruncated is logrotate's copytruncate: the copy has another
// inode, and the file begins anew.
func TestAFileThatWasCopiedAndTruncated(t *testing.T) {
	folder := t.TempDir()
	before, after := linesOf("before", 30), linesOf("after", 20)
	path, copied := write(t, folder, "a.log", after), write(t, folder, "a.log.1", before)
	of := record{path: path, inode: inode(t, path)}
	write(t, folder, "landed/records.ndjson", landed(slices.Concat(recordsOf(before, of), recordsOf(after, of))...))
	found, _ := verified(t, folder, Options{Sources: []string{path, copied}})
	require.Empty(t, found)
}

func TestTwoFilesThatBeginAlikeAreOneToFilebeat(t *testing.T) {
	folder := t.TempDir()
	content := linesOf("same", 40)
	paths := []string{write(t, folder, "a.log", content), write(t, folder, "a.log.1.gz", content)}
	write(t, folder, "landed/records.ndjson", landed(recordsOf(content, record{path: paths[0], fingerprint: fingerprintOf(content)})...))
	found, s := verified(t, folder, Options{Sources: paths})
	require.Equal(t, []string{"a.log.1.gz unverified 0-0"}, found)
	require.EqualValues(t, 1, s.Unverified)
}

func TestAFileOfWhichNothingHasLandedIsMissing(t *testing.T) {
	folder := t.TempDir()
	a, b := linesOf("a", 5), linesOf("b", 5)
	first, second := write(t, folder, "a.log", a), write(t, folder, "b.log", b)
	write(t, folder, "landed/records.ndjson", landed(recordsOf(a, record{path: first, inode: inode(t, first)})...))
	found, _ := verified(t, folder, Options{Sources: []string{first, second}})
	require.Equal(t, []string{span("b.log missing", 0, len(b)) + " (5) end"}, found)
	found, s := verified(t, folder, Options{Sources: []string{second}})
	require.Len(t, found, 1)
	require.EqualValues(t, 5, s.Others)
}

func TestSinceLeavesOutWhatIsOlder(t *testing.T) {
	folder := t.TempDir()
	content := linesOf("a", 30)
	path := write(t, folder, "a.log", content)
	records := recordsOf(content, record{path: path, inode: inode(t, path), time: "2021-02-05T22:17:09.123Z"})
	for i := 15; i < 30; i++ {
		records[i].time = "2021-02-06T22:17:09.123Z"
	}
	old := write(t, folder, "old.log", linesOf("old", 5))
	long := time.Date(2021, 2, 1, 0, 0, 0, 0, time.UTC)
	require.NoError(t, os.Chtimes(old, long, long))
	records = slices.Concat(records[:3], records[4:8], records[7:18], records[17:20], records[21:])
	write(t, folder, "landed/records.ndjson", landed(records...))
	found, s := verified(t, folder, Options{Sources: []string{path, old}})
	require.Len(t, found, 5)
	require.EqualValues(t, 35, s.Lines)
	found, s = verified(t, folder, Options{Sources: []string{path, old}, Since: time.Date(2021, 2, 6, 0, 0, 0, 0, time.UTC)})
	require.Len(t, found, 2)
	require.EqualValues(t, 15, s.Lines)
}

func TestUnreadableLinesAndThoseOfOtherFormats(t *testing.T) {
	folder := t.TempDir()
	content := linesOf("a", 5)
	path := write(t, folder, "a.log", content)
	records := landed(recordsOf(content, record{path: path, inode: inode(t, path)})...)
	write(t, folder, "landed/records.ndjson", `{"message":"posted"}`+"\n"+records+`{"torn":`+"\n"+`{"being":"writ`)
	found, s := verified(t, folder, Options{Sources: []string{path}})
	require.Equal(t, []string{"records.ndjson unreadable 0-0"}, found)
	require.EqualValues(t, 1, s.Placeless)

	write(t, folder, "landed/records.ndjson", `{"message":"a plain line"}`+"\n")
	parts, err := FolderParts(filepath.Join(folder, "landed"))
	require.NoError(t, err)
	_, err = Run(t.Context(), Options{Sources: []string{path}, Landed: parts})
	require.ErrorIs(t, err, errPlaceless)
}

func TestHalfACompressedFileIsAnError(t *testing.T) {
	folder := t.TempDir()
	path := write(t, folder, "a.log", linesOf("a", 100))
	compressed := write(t, folder, "landed/records.ndjson.gz", landed(recordsOf(linesOf("a", 100), record{path: path})...))
	info, err := os.Stat(compressed)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(compressed, info.Size()/2))
	parts, err := FolderParts(filepath.Join(folder, "landed"))
	require.NoError(t, err)
	_, err = Run(t.Context(), Options{Sources: []string{path}, Landed: parts})
	require.ErrorContains(t, err, "records.ndjson.gz: ")
}

func TestPartsAreInTheOrderInWhichTheyWereWritten(t *testing.T) {
	for _, names := range [][]string{
		{"records-2021-02-05T221709.123Z.ndjson.gz", "records-2021-02-05T231709.123Z.ndjson", "records-2021-02-06T000000.000Z.ndjson"},
		{"records.ndjson.10.gz", "records.ndjson.9.gz", "records.ndjson.1", "records.ndjson"},
		{"records.ndjson-20210205.gz", "records.ndjson-20210206", "records.ndjson"},
	} {
		folder := t.TempDir()
		for _, name := range append(names, ".lock") {
			write(t, folder, name, "")
		}
		parts, err := FolderParts(folder)
		require.NoError(t, err)
		var is []string
		for _, part := range parts {
			is = append(is, filepath.Base(part.Name))
		}
		require.Equal(t, names, is)
	}
}
