// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/receiver"
)

// FuzzConnection sends anything, cut into two pieces. What is stored is JSON, and no
// memory is left behind.
func FuzzConnection(f *testing.F) {
	for _, request := range requests(f) {
		f.Add(request, 3)
	}
	f.Add(bytes.Join(requests(f), []byte{heartbeatValue}), 50)
	f.Add([]byte("\x92\xA1t\xDD\xFF\xFF\xFF\xFF"), 4)
	f.Add([]byte("GET / HTTP/1.1\r\n"), 1)
	f.Fuzz(func(t *testing.T, content []byte, cut int) {
		sink := &store{}
		intake, err := receiver.NewIntake(sink, receiver.IntakeOptions{MaxMemory: 4 << 20})
		require.NoError(t, err)
		server, err := NewServer(intake, Options{MaxRequestBytes: 64 << 10})
		require.NoError(t, err)
		server.closeTimeout = 1 // nothing is to be waited for
		here, there := net.Pipe()
		server.start(there)
		var reading sync.WaitGroup
		reading.Go(func() { _, _ = io.Copy(io.Discard, here) })
		cut = min(max(cut, 0), len(content))
		for _, piece := range [][]byte{content[:cut], content[cut:]} {
			if _, err := here.Write(piece); err != nil {
				break // the server closed the connection
			}
		}
		require.NoError(t, here.Close())
		reading.Wait()
		require.NoError(t, server.Shutdown(context.Background()))
		intake.Shutdown(context.Background())
		require.Zero(t, intake.MemoryInUse())
		for _, record := range sink.all() {
			require.True(t, json.Valid([]byte(record)), record)
		}
	})
}
