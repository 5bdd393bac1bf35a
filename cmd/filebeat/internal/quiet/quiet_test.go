// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package quiet

import (
	"errors"
	"strings"
	"testing"

	"github.com/elastic/elastic-agent-libs/config"
	"github.com/elastic/elastic-agent-libs/logp"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// logged returns what comes out of lines of Filebeat's with this configuration.
func logged(t *testing.T, level logp.Level, yaml string) (lines []string, versions int) {
	t.Helper()
	seen, observed := observer.New(zapcore.DebugLevel)
	set := logp.DefaultConfig(logp.DefaultEnvironment)
	set.Level = level
	require.NoError(t, logp.ConfigureWithCore(set, seen))
	whole, err := config.NewConfigWithYAML([]byte(yaml), "")
	require.NoError(t, err)
	require.NoError(t, filter(whole))

	logp.L().Warn(noPipelines + " for the configured modules because")
	logp.L().Named("modules").Errorf("%s: %s", noModules, "/module")
	logp.L().With("a", 1).Warnw("another line", "error", errors.New("cause"))
	for _, entry := range observed.All() {
		lines = append(lines, entry.Message)
		for _, field := range entry.Context {
			if field.Key == "ecs.version" {
				versions++
			}
		}
	}
	return lines, versions
}

func TestLinesAboutElasticsearchAndModulesAreLeftOut(t *testing.T) {
	lines, versions := logged(t, logp.InfoLevel, "filebeat.inputs: []")
	require.Equal(t, []string{"another line"}, lines)
	require.Equal(t, 1, versions, "of ECS, in a line")
}

func TestAMissingFolderIsSaidWhereModulesAreConfigured(t *testing.T) {
	for _, yaml := range []string{"filebeat.modules: [{module: nginx}]", "filebeat.config.modules.path: modules.d/*.yml"} {
		lines, _ := logged(t, logp.InfoLevel, yaml)
		require.Len(t, lines, 2, yaml)
		require.True(t, strings.HasPrefix(lines[0], noModules), yaml)
	}
	lines, _ := logged(t, logp.InfoLevel, "filebeat.config.modules.enabled: false")
	require.Len(t, lines, 1)
}

func TestAtDebugTheLogStaysAsItIs(t *testing.T) {
	lines, _ := logged(t, logp.DebugLevel, "filebeat.inputs: []")
	require.Len(t, lines, 3)
}
