// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

func TestReadinessFailsFirstAndRecordsAreTakenMeanwhile(t *testing.T) {
	const delay = time.Second
	p := begin(t, "--shutdown-delay", delay.String())
	url := p.log.url(t)
	readyURL := strings.Replace(strings.TrimSuffix(url, "/ingest"), "ws", "http", 1) + "/readyz"
	status, body := get(t, readyURL)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "ok", body)

	require.NoError(t, deliver(t, url, `{"n":1}`).Close())
	old, res, err := websocket.DefaultDialer.DialContext(t.Context(), url, nil)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	stopped := make(chan int, 1)
	begun := time.Now()
	go func() { stopped <- p.stop() }()
	p.log.find(t, "shutting down")
	require.Eventually(t, func() bool {
		status, _ = get(t, readyURL)
		return status == http.StatusServiceUnavailable
	}, delay/2, time.Millisecond)
	// A balancer that has not looked yet may still send a client here.
	late := deliver(t, url, `{"n":2}`)
	_, _, err = old.ReadMessage()
	require.Equal(t, &websocket.CloseError{Code: websocket.CloseGoingAway, Text: "shutting down"}, err)
	after := time.Since(begun)
	require.GreaterOrEqual(t, after, delay/2)
	require.Less(t, after, delay, "the connections that there were are closed over the second half")
	require.NoError(t, old.Close())
	require.NoError(t, late.Close())
	require.Equal(t, exitOK, <-stopped)
	require.GreaterOrEqual(t, time.Since(begun), delay)
	require.Equal(t, "{\"n\":1}\n{\"n\":2}\n", p.stdout.String())
}

func TestOldConnectionsAreClosed(t *testing.T) {
	p := begin(t, "--max-connection-age", "1s")
	ws := deliver(t, p.log.url(t), `{"n":1}`)
	p.log.find(t, `code=1001 cause="the connection has reached its maximum age"`)
	require.NoError(t, ws.Close())
}
