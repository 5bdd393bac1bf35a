// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package eventid

import (
	"reflect"
	"strings"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/elastic-agent-libs/mapstr"
)

// place is where a line comes from.
type place struct {
	entry  string // key of the file's entry in the registry; empty if the event does not bring it
	file   string // what the event's fields tell about the file: fingerprint, or inode
	run    string // the Filebeat that read the line, without an entry; empty if unknown
	offset int64
}

// keyed is what filestream puts into Event.Private. The key names the input and the
// file as Filebeat itself tells files apart. A disk queue does not keep it.
type keyed interface{ Key() string }

// placeOf returns the place of an event, and whether it has one. Without byInode a
// file counts only if it is known by its content.
func placeOf(event *beat.Event, byInode bool) (p place, ok bool) {
	log := inner(event.Fields["log"])
	if p.offset, ok = offsetOf(log["offset"]); !ok {
		return place{}, false
	}
	if source, has := event.Private.(keyed); has {
		p.entry = source.Key()
	} else {
		// A disk queue may hold lines that earlier runs have read.
		p.run, _ = inner(event.Fields["agent"])["ephemeral_id"].(string)
	}
	file := inner(log["file"])
	if p.file, _ = file["fingerprint"].(string); p.file != "" {
		return p, true
	}
	if !byInode {
		return place{}, false
	}
	if p.file, ok = inodeOf(file); p.entry != "" {
		p.file, _ = file["inode"].(string) // the key has the rest
	}
	return p, ok
}

// inodeOf returns the file system's identity of a file, as the registry writes it: inode
// and device, or on Windows index and volume.
func inodeOf(file map[string]any) (string, bool) {
	for _, keys := range [][]string{{"inode", "device_id"}, {"idxhi", "idxlo", "vol"}} {
		var parts []string
		for _, key := range keys {
			if part, _ := file[key].(string); part != "" {
				parts = append(parts, part)
			}
		}
		if len(parts) == len(keys) {
			return strings.Join(parts, "-"), true
		}
	}
	return "", false
}

func inner(v any) map[string]any {
	switch m := v.(type) {
	case mapstr.M:
		return m
	case map[string]any:
		return m
	default:
		return nil
	}
}

// offsetOf reads log.offset: an int64 from the input. A disk queue gives it the
// smallest type that it fits into.
func offsetOf(v any) (offset int64, ok bool) {
	if offset, ok = v.(int64); ok {
		return offset, offset >= 0
	}
	switch n := reflect.ValueOf(v); {
	case !n.IsValid():
		return 0, false
	case n.CanInt():
		offset = n.Int()
	case n.CanUint():
		offset = int64(n.Uint())
	default:
		return 0, false
	}
	return offset, offset >= 0
}
