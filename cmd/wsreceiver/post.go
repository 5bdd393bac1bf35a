// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"

	"filebeat-websocket/receiver/post"
)

// postBytesFor returns how long the body of a POST may be: what is set, or as much as
// the memory has room for.
func postBytesFor(s settings, maxMemory int64) int64 {
	if s.maxPostBytes != 0 {
		return int64(s.maxPostBytes)
	}
	return min(post.DefaultMaxBodyBytes, maxMemory/memoryFactor)
}

// byMethod gives POSTs to posts, and everything else to upgrades. A shared key can only
// be proved on a connection of Fluent Forward, so POST is closed with one.
func (g admission) byMethod(posts, upgrades http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodPost:
			upgrades.ServeHTTP(w, r)
		case g.sharedKey != nil:
			http.Error(w, "with --shared-key-file only Fluent Forward is accepted", http.StatusForbidden)
		default:
			posts.ServeHTTP(w, r)
		}
	})
}
