// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"filebeat-websocket/receiver/sink/file"
)

// reopenOnHangup has the output reopened when log rotations ask for it, until stop
// is called. Records on standard output know no rotation: there SIGHUP keeps its
// meaning that the terminal is gone.
func reopenOnHangup(output *file.Sink, log *slog.Logger) (stop func()) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range hangups {
			if err := output.Reopen(); err != nil {
				log.Error("the output could not be reopened", "error", err)
				continue
			}
			log.Info("reopened the output")
		}
	}()
	return func() {
		signal.Stop(hangups)
		close(hangups)
		<-done
	}
}
