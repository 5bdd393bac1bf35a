// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package browser

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/elastic/beats/v7/libbeat/version"
	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"filebeat-websocket/protocol"
)

// agent sends records as a Filebeat does, and reads the acks.
type agent struct {
	t  *testing.T
	ws *websocket.Conn
}

func dial(t *testing.T, url, token string) *agent {
	t.Helper()
	header := http.Header{}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	dialer := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}}
	ws, res, err := dialer.DialContext(t.Context(), url, header)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	a := &agent{t: t, ws: ws}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for {
			if _, _, err := ws.ReadMessage(); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = ws.Close()
		<-read
	})
	return a
}

// send sends records in one message.
func (a *agent) send(records ...[]byte) {
	a.t.Helper()
	var message []byte
	for _, r := range records {
		message = append(append(message, r...), '\n')
	}
	require.NoError(a.t, a.ws.WriteMessage(websocket.TextMessage, message))
}

// flood sends so many events a second until stop is closed, and returns how
// many that were.
func (a *agent) flood(perSecond int, stop <-chan struct{}) (sent int) {
	const steps = 50
	tick := time.NewTicker(time.Second / steps)
	defer tick.Stop()
	records := make([][]byte, 200)
	for i := range records {
		records[i] = event(i)
	}
	for begin := time.Now(); ; {
		select {
		case <-stop:
			return sent
		case <-tick.C:
		}
		for due := int(time.Since(begin).Seconds() * float64(perSecond)); sent < due; {
			var message []byte
			for until := min(due, sent+perSecond/steps); sent < until; sent++ {
				message = append(append(message, records[sent%len(records)]...), '\n')
			}
			if a.ws.WriteMessage(websocket.TextMessage, message) != nil {
				return sent
			}
		}
	}
}

// record is what filestream makes of a line.
func record(host, file, level, message string, more map[string]any) []byte {
	fields := map[string]any{
		"@timestamp": time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		"@metadata":  map[string]any{"beat": "filebeat", "type": "_doc", "version": version.GetDefaultVersion()},
		"message":    message,
		"host":       map[string]any{"name": host},
		"log":        map[string]any{"file": map[string]any{"path": file}, "offset": rand.IntN(4_000_000)},
		"agent":      map[string]any{"type": "filebeat", "version": version.GetDefaultVersion(), "id": "6f0c2a52-1f6b-4f5e-9b0e-6d3f4f6a9c11"},
		"input":      map[string]any{"type": "filestream"},
		"ecs":        map[string]any{"version": "8.0.0"},
	}
	if level != "" {
		fields["log"].(map[string]any)["level"] = level //nolint:errcheck,forcetypeassert // it was just made
	}
	maps.Copy(fields, more)
	encoded, err := json.Marshal(fields)
	if err != nil {
		panic(err) // the record is made of plain values
	}
	return encoded
}

// simple is a record of one line.
func simple(message string) []byte { return record("web-1", "/var/log/app.log", "info", message, nil) }

var pages = []string{"/", "/products", "/products/17", "/cart", "/checkout", "/search?q=boots", "/static/site.css", "/login", "/api/orders", "/api/orders/8812"}

// event returns a record of a small shop, number n of them.
func event(n int) []byte {
	web := fmt.Sprintf("web-%d", n%3+1)
	pick := rand.IntN(100)
	switch {
	case pick < 55:
		status := []int{200, 200, 200, 200, 200, 304, 301, 200, 404, 200}[rand.IntN(10)]
		line := fmt.Sprintf(`198.51.100.%d - - [%s] "GET %s HTTP/1.1" %d %d "-" "Mozilla/5.0 (X11; Linux x86_64)"`,
			rand.IntN(200)+1, time.Now().UTC().Format("02/Jan/2006:15:04:05 -0700"), pages[rand.IntN(len(pages))], status, rand.IntN(40_000)+300)
		return record(web, "/var/log/nginx/access.log", "", line, map[string]any{"http": map[string]any{"response": map[string]any{"status_code": status}}})
	case pick < 72:
		return record("api-1", "/var/log/shop/orders.log", "info", fmt.Sprintf("order %d accepted, %d items, total %d.%02d EUR, customer %s", 88_120+n, rand.IntN(6)+1, rand.IntN(300)+9, rand.IntN(100), customer()), map[string]any{"trace": map[string]any{"id": trace()}})
	case pick < 84:
		return record("api-1", "/var/log/shop/orders.log", "debug", fmt.Sprintf("cache hit for price list %d in %d µs", rand.IntN(40), rand.IntN(900)+20), nil)
	case pick < 90:
		return record("db-1", "/var/log/postgresql/postgresql-16-main.log", "", fmt.Sprintf("LOG:  checkpoint complete: wrote %d buffers (0.%d%%)", rand.IntN(900), rand.IntN(10)), nil)
	case pick < 96:
		return record("api-1", "/var/log/shop/payments.log", "warn", fmt.Sprintf("payment provider answered after %d ms, limit is 800 ms, attempt %d of 3", rand.IntN(900)+800, rand.IntN(2)+1), map[string]any{"trace": map[string]any{"id": trace()}})
	default:
		return record("api-1", "/var/log/shop/payments.log", "error", fmt.Sprintf("payment of order %d failed: dial tcp 192.0.2.44:443: i/o timeout", 88_120+n), map[string]any{
			"trace": map[string]any{"id": trace()},
			"error": map[string]any{"type": "net.OpError", "stack_trace": "shop/payments.(*Client).Charge\n\tpayments/client.go:118\nshop/orders.(*Service).Pay\n\torders/pay.go:64"},
		})
	}
}

func customer() string { return fmt.Sprintf("c-%05d", rand.IntN(90_000)) }

func trace() string { return strings.ToLower(fmt.Sprintf("%016x%016x", rand.Uint64(), rand.Uint64())) }
