// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package selftest

import (
	"fmt"
	"strings"
	"sync"
)

// Progress is that of `test output` over all clients. libbeat tests them
// one after the other, and its driver ends the process at a fatal error. Every host
// is to be tested, once, however many workers it has. So failures are plain errors
// until the last client is done.
type Progress struct {
	mutex  sync.Mutex
	hosts  map[string]bool // tested
	left   int             // clients not tested yet
	failed []string        // hosts
}

// Expect notes that one more client is to be tested. All are noted before the first test.
func (p *Progress) Expect() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.left++
}

// Begin reports whether the host has yet to be tested, and marks it as tested.
func (p *Progress) Begin(host string) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.hosts[host] {
		return false
	}
	if p.hosts == nil {
		p.hosts = map[string]bool{}
	}
	p.hosts[host] = true
	return true
}

// Fail notes that the host failed.
func (p *Progress) Fail(host string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.failed = append(p.failed, host)
}

// End returns an error after the last client if any host failed.
func (p *Progress) End() error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.left--
	if p.left > 0 || len(p.failed) == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d hosts failed: %s", len(p.failed), len(p.hosts), strings.Join(p.failed, ", "))
}
