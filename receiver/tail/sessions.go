// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"
)

const (
	sessionLifetime = 12 * time.Hour
	maxSessions     = 1024
)

// sessions are the browsers that have signed in. They end with this process.
type sessions struct {
	mutex sync.Mutex
	known map[[sha256.Size]byte]session
}

// session holds the token that began it, so that it ends with the token.
type session struct {
	token string
	ends  time.Time
}

func newSessions() *sessions {
	return &sessions{known: map[[sha256.Size]byte]session{}}
}

// begin returns the cookie's value. Only its hash is kept, so that the time of a
// look-up tells nothing about valid values.
func (s *sessions) begin(token string) string {
	value := rand.Text() + rand.Text()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	now := time.Now()
	var oldest [sha256.Size]byte
	for hash, one := range s.known {
		if now.After(one.ends) {
			delete(s.known, hash)
		} else if first, ok := s.known[oldest]; !ok || one.ends.Before(first.ends) {
			oldest = hash
		}
	}
	if len(s.known) >= maxSessions {
		delete(s.known, oldest)
	}
	s.known[sha256.Sum256([]byte(value))] = session{token: token, ends: now.Add(sessionLifetime)}
	return value
}

func (s *sessions) token(value string) (string, bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	one, ok := s.known[sha256.Sum256([]byte(value))]
	return one.token, ok && time.Now().Before(one.ends)
}

func (s *sessions) end(value string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.known, sha256.Sum256([]byte(value)))
}
