// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"filebeat-websocket/receiver"
)

const (
	// minConnectionAge guards against a typo that would keep all clients connecting.
	minConnectionAge = time.Second
	// maxShutdownDelay is what supervisors wait for at most.
	maxShutdownDelay = 10 * time.Minute
)

// ready answers ok, or 503 from the signal to end on. It does not look at the output:
// receivers behind a balancer share it, and a balancer that finds none of them ready
// refuses the clients, which would be told to wait otherwise.
func ready(shutting *atomic.Bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if shutting.Load() {
			http.Error(w, "shutting down", http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ok") // it fails only if the client is gone
	})
}

// awaitBalancers serves for delay, so that balancers see /readyz fail before connections
// are refused. Connections are closed over the second half of it. It returns an error if
// the server ends meanwhile.
func awaitBalancers(delay time.Duration, served <-chan error, ingest *receiver.Handler, fluent overForward) error {
	if delay == 0 {
		return nil
	}
	ingest.Retire(delay)
	fluent.retire(delay)
	select {
	case err := <-served:
		return err
	case <-time.After(delay):
		return nil
	}
}

func checkAge(age time.Duration) error {
	if age != 0 && age < minConnectionAge {
		return fmt.Errorf("less than %v", minConnectionAge)
	}
	return nil
}

func checkDelay(delay time.Duration) error {
	switch {
	case delay < 0:
		return errors.New("less than 0")
	case delay > maxShutdownDelay:
		return fmt.Errorf("more than %v", maxShutdownDelay)
	}
	return nil
}
