// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package decode

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
)

// maxPairs is the maximum number of fields in a record of text: a pair takes far more
// memory than the separator that makes it.
const maxPairs = 1 << 16

// pair is a field of a record of text: flat, and its value is text.
type pair struct {
	name, value []byte
	place       int // of the first pair with that name, once grouped
}

// addPair adds a field. Its parts stand in the message or in l.text.
func (l *Records) addPair(name, value []byte) error {
	if len(l.pairs) == maxPairs {
		return fmt.Errorf("record with more than %d fields", maxPairs)
	}
	l.pairs = append(l.pairs, pair{name: name, value: value, place: len(l.pairs)})
	return nil
}

// wrotePairs makes a record of the fields, in their order. A name that occurs more than
// once has the list of its values, at the place of the first.
func (l *Records) wrotePairs(o *Options) error {
	groupPairs(l.pairs)
	l.written = append(l.written, '{')
	for i := 0; i < len(l.pairs); {
		if i > 0 {
			l.written = append(l.written, ',')
		}
		group := l.pairs[i:]
		for n := range group {
			if group[n].place != group[0].place {
				group = group[:n]
				break
			}
		}
		l.written = append(appendQuoted(l.written, group[0].name), ':')
		if len(group) > 1 {
			l.written = append(l.written, '[')
		}
		for n := range group {
			if n > 0 {
				l.written = append(l.written, ',')
			}
			l.written = appendQuoted(l.written, group[n].value)
		}
		if len(group) > 1 {
			l.written = append(l.written, ']')
		}
		i += len(group)
	}
	l.written = append(l.written, '}')
	clear(l.pairs) // so that the pool does not hold on to other messages
	l.pairs, l.text = l.pairs[:0], l.text[:0]
	return l.wrote(o)
}

// groupPairs brings pairs with the same name together. Names that are sorted except for
// the first, as codecs write them, take one pass.
func groupPairs(pairs []pair) {
	if !repeats(pairs) {
		return
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return bytes.Compare(a.name, b.name) })
	for i := 1; i < len(pairs); i++ {
		if bytes.Equal(pairs[i].name, pairs[i-1].name) {
			pairs[i].place = pairs[i-1].place
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return cmp.Compare(a.place, b.place) })
}

// repeats reports whether a name may occur more than once.
func repeats(pairs []pair) bool {
	for i := 1; i < len(pairs); i++ {
		if bytes.Equal(pairs[i].name, pairs[0].name) {
			return true
		}
		if i > 1 && bytes.Compare(pairs[i-1].name, pairs[i].name) >= 0 {
			return true
		}
	}
	return false
}
