// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package discreet

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/outputs/websocket/ack"
)

func TestReasonsAndErrorsShowNoSecret(t *testing.T) {
	kind, err := ack.Get("message")
	require.NoError(t, err)
	inside := kind.New(ack.Config{})
	strategy := Strategy{Strategy: inside, Redact: func(text string) string { return strings.ReplaceAll(text, "secret", "***") }}
	strategy.Open()
	strategy.Sent(1)
	verdict, err := strategy.Message([]byte(`{"nack":1,"reason":"no secret"}`))
	require.NoError(t, err)
	require.Equal(t, "no ***", verdict.Refused.Reason)
	require.Equal(t, inside, strategy.Unwrap())
}
