// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package beattest

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// ReadStat returns a number of the /stats page of the filebeat that listens on
// the unix socket, such as libbeat.output.events.acked, or 0 if the page
// does not have it.
func ReadStat(ctx context.Context, socket, name string) (int, error) {
	client := http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, "unix", socket)
			},
		},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://filebeat/stats", nil)
	if err != nil {
		return 0, err
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	var value any
	if err := json.NewDecoder(response.Body).Decode(&value); err != nil {
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
