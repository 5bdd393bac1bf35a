// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package unhurried

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/filebeat/beater"
	inputs "github.com/elastic/beats/v7/filebeat/input/default-inputs"
	v2 "github.com/elastic/beats/v7/filebeat/input/v2"
	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/elastic-agent-libs/config"
	"github.com/elastic/elastic-agent-libs/logp"
	"github.com/elastic/go-concert/unison"
)

// fakeManager has one task, as filestream's has.
type fakeManager struct {
	v2.InputManager
	ended chan time.Time
}

func (m fakeManager) Delete(*config.C) error { return nil }

func (m fakeManager) Init(tasks unison.Group) error {
	return tasks.Go(func(ctx context.Context) error {
		<-ctx.Done()
		m.ended <- time.Now()
		return nil
	})
}

func TestTasksEndAMomentAfterTheGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := fakeManager{ended: make(chan time.Time, 1)}
		plugins := Filestream(func(beat.Info, *logp.Logger, beater.StateStore) []v2.Plugin {
			return []v2.Plugin{{Name: "filestream", Manager: inner}}
		})(beat.Info{}, nil, nil)
		var tasks unison.TaskGroup
		require.NoError(t, plugins[0].Manager.Init(&tasks))
		synctest.Wait()
		told := time.Now()
		require.NoError(t, tasks.Stop())
		require.Equal(t, pause, (<-inner.ended).Sub(told))
	})
}

func TestFilestreamIsTheInputThatIsWrapped(t *testing.T) {
	var wrapped []string
	for _, plugin := range Filestream(inputs.Init)(beat.Info{}, logp.NewLogger("test"), nil) {
		if _, is := plugin.Manager.(manager); is {
			wrapped = append(wrapped, plugin.Name)
		}
	}
	require.Contains(t, wrapped, "filestream")
}
