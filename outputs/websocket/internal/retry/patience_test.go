// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package retry

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/outputs/websocket/internal/conn"
	"filebeat-websocket/outputs/websocket/internal/session"
	"filebeat-websocket/protocol"
)

func TestWaitAfterEachKindOfFailure(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	settings := Backoff{Init: time.Second, Max: time.Minute}
	refused := func(code int, retryAfter string) error {
		return fmt.Errorf("wrapped: %w", &conn.UpgradeError{Code: code, Header: http.Header{"Retry-After": {retryAfter}}})
	}
	closed := func(code protocol.CloseCode) error { return fmt.Errorf("wrapped: %w", &conn.CloseError{Code: code}) }
	type bounds struct{ least, most time.Duration }
	usual, doubled := bounds{100 * time.Millisecond, time.Second}, bounds{200 * time.Millisecond, 2 * time.Second}
	longest := bounds{45 * time.Second, time.Minute}
	for name, test := range map[string]struct {
		cause error
		want  bounds
	}{
		"connection refused":                  {errors.New("connection refused"), usual},
		"timeout":                             {session.ErrTimeout, usual},
		"401":                                 {refused(401, ""), longest},
		"403":                                 {refused(403, "1"), longest},
		"503 without Retry-After":             {refused(503, ""), usual},
		"503 with seconds":                    {refused(503, "7"), bounds{7 * time.Second, 8 * time.Second}},
		"429 with a date":                     {refused(429, now.Add(9*time.Second).Format(http.TimeFormat)), bounds{9 * time.Second, 10 * time.Second}},
		"429 with a date in the past":         {refused(429, now.Add(-time.Hour).Format(http.TimeFormat)), usual},
		"503 with more than backoff.max":      {refused(503, "86400"), longest},
		"503 with nonsense":                   {refused(503, "later"), usual},
		"500 with Retry-After, not asked for": {refused(500, "30"), usual},
		"407 of the proxy":                    {fmt.Errorf("wrapped: %w", &conn.ProxyError{Code: 407}), longest},
		"403 of the proxy":                    {fmt.Errorf("wrapped: %w", &conn.ProxyError{Code: 403}), longest},
		"503 of the proxy":                    {fmt.Errorf("wrapped: %w", &conn.ProxyError{Code: 503}), usual},
		"no way to the proxy":                 {&conn.ProxyError{Cause: errors.New("connection refused")}, usual},
		"close 1000":                          {closed(1000), usual},
		"close 1001":                          {closed(1001), usual},
		"close without a code":                {closed(1005), usual},
		"close 1012":                          {closed(1012), usual},
		"close 1013":                          {closed(1013), usual},
		"close 1009, a record is at fault":    {closed(1009), usual},
		"close 1011":                          {closed(1011), doubled},
		"close 1014":                          {closed(1014), doubled},
		"close 999":                           {closed(999), doubled},
		"close 1006":                          {closed(1006), doubled},
		"close 2000":                          {closed(2000), doubled},
		"close 5000":                          {closed(5000), doubled},
		"close 1008":                          {closed(1008), longest},
		"close 3000":                          {closed(3000), longest},
		"close 4999":                          {closed(4999), longest},
	} {
		t.Run(name, func(t *testing.T) {
			for range 100 {
				wait := After(test.cause, now).Wait(settings, 0)
				require.GreaterOrEqual(t, wait, test.want.least)
				require.LessOrEqual(t, wait, test.want.most)
			}
		})
	}
}

func TestWaitStaysWithinItsBounds(t *testing.T) {
	for failures := range 70 {
		for _, p := range []Patience{{}, {Factor: 2}, {Longest: true}, {Exactly: time.Hour}} {
			wait := p.Wait(Backoff{Init: time.Second, Max: time.Minute}, failures)
			require.GreaterOrEqual(t, wait, 100*time.Millisecond)
			require.LessOrEqual(t, wait, time.Minute)
		}
	}
}
