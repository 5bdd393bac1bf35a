// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package beattest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// ReadStat returns a number of the /stats page of the filebeat that listens on
// the unix socket, such as libbeat.output.events.acked, or 0 if the page
// does not have it.
func ReadStat(ctx context.Context, socket, name string) (int, error) {
	page, err := readPage(ctx, socket, "/stats")
	if err != nil {
		return 0, err
	}
	var value any
	if err := json.Unmarshal(page, &value); err != nil {
		return 0, fmt.Errorf("stats of filebeat: %w", err)
	}
	for key := range strings.SplitSeq(name, ".") {
		object, ok := value.(map[string]any)
		if !ok {
			return 0, nil
		}
		value = object[key]
	}
	number, _ := value.(float64)
	return int(number), nil
}

// ReadMetrics returns what the filebeat that listens on the unix socket serves for
// Prometheus.
func ReadMetrics(ctx context.Context, socket string) (string, error) {
	page, err := readPage(ctx, socket, "/metrics")
	return string(page), err
}

func readPage(ctx context.Context, socket, path string) ([]byte, error) {
	client := http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, "unix", socket)
			},
		},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://filebeat"+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, response.Status)
	}
	return io.ReadAll(response.Body)
}
