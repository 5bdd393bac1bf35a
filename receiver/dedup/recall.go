// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package dedup

import (
	"bytes"
	"context"
	"runtime"
	"slices"
	"sync"
)

// recallBytesPerID bounds how much Recall reads if few records have an id.
const recallBytesPerID = 4 << 10

// Recall fills the memory of a new Dedup with the records that its Sink holds already,
// and returns how many ids it has found. readBack calls visit with blocks of whole
// lines, the newest first, until that returns false; file.Sink has one. What it visits
// has to be durable. It ends when the memory is full, or after 4 KiB for each id
// that fits in it.
//
// Lines do not name their sender, so a recalled record is left out if any sender sends
// it again with the same agent, id and content. Lines do not have chunks either: a
// request that comes again after a restart is recognized only by the ids of its
// records.
func (d *Dedup) Recall(ctx context.Context, readBack func(visit func(lines []byte) (more bool)) error) (ids int, err error) {
	limit := int64(d.seen.most) * recallBytesPerID
	var found [][]identity
	err = readBack(func(lines []byte) bool {
		limit -= int64(len(lines))
		block := identitiesOf(lines)
		found = append(found, block)
		ids += len(block)
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
	for _, block := range slices.Backward(found) {
		for _, id := range block {
			d.seen.add(id)
		}
	}
	d.seen.sure = d.seen.added
	return d.seen.count, nil
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
			for line := range bytes.Lines(part) {
				line = bytes.TrimSuffix(line, []byte("\n"))
				if id, agent, ok := recordID(line); ok {
					if id, isWhole := identityOfContent(id, agent, line); isWhole {
						parts[i] = append(parts[i], id)
					}
				}
			}
		})
	}
	wait.Wait()
	return slices.Concat(parts...)
}
