// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package stoppable

import (
	"testing"

	"github.com/elastic/elastic-agent-libs/config"
	"github.com/stretchr/testify/require"
)

func TestOnlyProvidersThatWaitAreReplaced(t *testing.T) {
	t.Parallel()
	settings, err := config.NewConfigWithYAML([]byte(`
autodiscover.providers:
  - {type: Kubernetes, node: "${NODE}"}
  - {type: docker}
  - {type: kubernetes, unique: true}
  - {node: x}
`), "")
	require.NoError(t, err)
	require.NoError(t, replace(settings))
	var read struct {
		Providers []struct {
			Type string `config:"type"`
		} `config:"autodiscover.providers"`
	}
	require.NoError(t, settings.Unpack(&read))
	var types []string
	for _, provider := range read.Providers {
		types = append(types, provider.Type)
	}
	require.Equal(t, []string{background, "docker", "kubernetes", ""}, types)
}

func TestOtherConfigurationsStayAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, yaml := range []string{"", "autodiscover: 1", "autodiscover.providers: kubernetes", "autodiscover.providers: [kubernetes]", "autodiscover.providers: []"} {
		settings, err := config.NewConfigWithYAML([]byte(yaml), "")
		require.NoError(t, err)
		require.NoError(t, replace(settings), yaml)
	}
}
