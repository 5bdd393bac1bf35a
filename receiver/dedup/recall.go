// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package dedup

import (
	"bytes"
	"context"
	"runtime"
	"slices"
	"sync"
	"time"
)

// recallBytesPerID bounds how much Recall reads if few records have an id.
const recallBytesPerID = 4 << 10

// usualRecordBytes is about the length of a record.
const usualRecordBytes = 512

// Recall fills the memory of a new Dedup with the records that its Sink holds already,
// and returns how many ids it has found. readBack calls visit with blocks of whole
// lines, the newest first, and the time at which the newest of them can have been written,
// until that returns false; file.Sink has one. What it visits has to be durable. It ends
// when the memory is full, when the lines are older than the window of ForgetAfter, or
// after 4 KiB for each id that fits in it.
//
// Lines do not name their sender, so a recalled record is left out if any sender sends
// it again with the same agent, id and content. Lines do not have chunks either: a
// request that comes again after a restart is recognized only by the ids of its
// records.
func (d *Dedup) Recall(ctx context.Context, readBack func(visit func(lines []byte, written time.Time) (more bool)) error) (ids int, err error) {
	limit := int64(d.seen.most) * recallBytesPerID
	var found []recalled
	err = readBack(func(lines []byte, written time.Time) bool {
		if d.seen.window > 0 && time.Since(written) >= d.seen.window {
			return false
		}
		limit -= int64(len(lines))
		block := recalled{written: written, ids: identitiesOf(lines)}
		found = append(found, block)
		ids += len(block.ids)
		return ids < d.seen.most && limit > 0 && ctx.Err() == nil
	})
	if err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.seen.grow(ids)
	var now time.Time // an earlier file can have been written to later
	for _, block := range slices.Backward(found) {
		if block.written.After(now) {
			now = block.written
		}
		d.seen.tell(now)
		for _, id := range block.ids {
			d.seen.add(id)
		}
	}
	d.seen.sure = d.seen.added
	d.recalled.Store(int64(d.seen.count))
	return d.seen.count, nil
}

// recalled are the identities of a block of lines.
type recalled struct {
	written time.Time
	ids     []identity
}

// identitiesOf returns the identities of the records with ids in lines, in order. All
// processors share the work.
func identitiesOf(lines []byte) []identity {
	parts := make([][]identity, runtime.GOMAXPROCS(0))
	var wait sync.WaitGroup
	for i := range parts {
		end := len(lines)
		if i < len(parts)-1 {
			end = len(lines) / (len(parts) - i)
			if at := bytes.IndexByte(lines[end:], '\n'); at >= 0 {
				end += at + 1
			} else {
				end = len(lines)
			}
		}
		part := lines[:end]
		lines = lines[end:]
		wait.Go(func() {
			parts[i] = make([]identity, 0, len(part)/usualRecordBytes)
			for line := range bytes.Lines(part) {
				line = bytes.TrimSuffix(line, []byte("\n"))
				if n, ok := read(line); ok {
					parts[i] = append(parts[i], n.identity())
				}
			}
		})
	}
	wait.Wait()
	return slices.Concat(parts...)
}
