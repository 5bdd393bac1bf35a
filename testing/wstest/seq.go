// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package wstest

import "bytes"

// seqPageBits is the number of sequence numbers in a page of a seqSet: 8 KiB.
const seqPageBits = 1 << 16

// seqSet is a set of sequence numbers: one bit each for dense ones, 8 KiB for a
// lone one. The zero value is empty.
type seqSet struct {
	pages     map[int]*[seqPageBits / 64]uint64
	last      *[seqPageBits / 64]uint64 // page lastKey: most numbers come in runs
	lastKey   int
	unique    int
	duplicate int
	largest   int
	again     map[int]int // how often beyond the first, of those seen more than once
	maxTimes  int
}

func (s *seqSet) add(n int) {
	key := n / seqPageBits
	if s.last == nil || s.lastKey != key {
		page := s.pages[key]
		if page == nil {
			if s.pages == nil {
				s.pages = map[int]*[seqPageBits / 64]uint64{}
			}
			page = new([seqPageBits / 64]uint64)
			s.pages[key] = page
		}
		s.last, s.lastKey = page, key
	}
	word, bit := n%seqPageBits/64, uint64(1)<<(n%64)
	if s.last[word]&bit != 0 {
		s.duplicate++
		if s.again == nil {
			s.again = map[int]int{}
		}
		s.again[n]++
		s.maxTimes = max(s.maxTimes, 1+s.again[n])
		return
	}
	s.last[word] |= bit
	s.unique++
	s.largest = max(s.largest, n)
	s.maxTimes = max(s.maxTimes, 1)
}

func (s *seqSet) times(n int) int {
	if !s.has(n) {
		return 0
	}
	return 1 + s.again[n]
}

func (s *seqSet) has(n int) bool {
	if n < 0 {
		return false
	}
	page := s.pages[n/seqPageBits]
	return page != nil && page[n%seqPageBits/64]&(1<<(n%64)) != 0
}

var seqMark = []byte("seq=")

// eachSeq calls found for every number after "seq=" in data. A number of more
// than 18 digits is left out: it might not fit.
func eachSeq(data []byte, found func(n int)) {
	for {
		at := bytes.Index(data, seqMark)
		if at < 0 {
			return
		}
		data = data[at+len(seqMark):]
		n, digits := 0, 0
		for digits < len(data) && data[digits] >= '0' && data[digits] <= '9' {
			if digits < 18 {
				n = n*10 + int(data[digits]-'0')
			}
			digits++
		}
		if digits > 0 && digits <= 18 {
			found(n)
		}
		data = data[digits:]
	}
}
