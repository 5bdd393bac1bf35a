// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/publisher"

	"filebeat-websocket/protocol"
	"filebeat-websocket/testing/wstest"
)

// Every batch is signalled once, also when the receiver refuses messages and
// ends connections in all ways at once.
func TestEveryBatchComesToAnEndUnderRefusalsAndFaults(t *testing.T) {
	const batches, events = 60, 100
	server := wstest.Start(t,
		wstest.WithSubprotocols(protocol.Subprotocol),
		wstest.WithScript(func(conn int) wstest.Fault {
			fault := wstest.Fault{NackAtMessage: 1 + conn*37%500, NackRetry: true}
			switch conn % 4 {
			case 1:
				fault.DropAtMessage = 700
			case 2:
				fault.CloseAtMessage, fault.CloseCode = 650, 1012
			case 3:
				fault.NackRetry, fault.NackRecord = false, isBad(3000)
				fault.DropAtMessage = 1500
			}
			return fault
		}))
	for _, yaml := range []string{
		`{ack: message, backoff: {init: 1ms, max: 5ms}, pipelining: 3}`,
		`{ack: message, backoff: {init: 1ms, max: 5ms}, pipelining: 2}`,
	} {
		f := newFixture(t, yaml, server)
		p := newPipeline(t, f)
		var all [][]publisher.Event
		for i := range batches {
			all = append(all, f.events(i*events+1, (i+1)*events))
		}
		p.run(all...)
		total, acked, failed, dropped := f.observer.snapshot()
		require.Equal(t, total, acked+failed+dropped)
		require.Equal(t, batches*events, acked+dropped)
	}
	require.Empty(t, server.Missing(1, batches*events))
}
