// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package eventid

import (
	"os"
	"path/filepath"
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
)

// forgotten reports whether Filebeat begins a file again although nothing happened to
// it: when it starts it forgets the files whose names are gone (clean_removed), and finds
// one that was renamed meanwhile under its new name. Then the lines are those that were read
// before the start, up to offset.
//
// Filebeat also begins again a truncated file, which is shorter or still has its entry in the
// registry, and a new file that begins like the one before, which was born after the registry
// was last written. Neither is taken for a forgotten one, nor a file about which that is not
// known: behind a disk queue an event does not bring its entry, and comes late.
func (s *Source) forgotten(event *beat.Event, entry string, offset int64) bool {
	if entry == "" {
		return false
	}
	path, _ := inner(inner(event.Fields["log"])["file"])["path"].(string)
	info, err := os.Stat(path)
	if err != nil || info.Size() < offset {
		return false
	}
	if born, known := birth(path); !known || !born.Before(s.ended) {
		return false
	}
	acked, err := readRegistry(s.data)
	if err != nil {
		return false
	}
	_, known := acked[entry]
	return !known
}

// lastWritten returns when the log of the registry was last written, the zero time if
// there is none.
func lastWritten(data string) time.Time {
	info, err := os.Stat(filepath.Join(data, filepath.FromSlash(registryFolder), "log.json"))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
