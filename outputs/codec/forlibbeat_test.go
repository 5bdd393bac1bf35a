// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/outputs"
	libcodec "github.com/elastic/beats/v7/libbeat/outputs/codec"
	_ "github.com/elastic/beats/v7/libbeat/outputs/console"
	_ "github.com/elastic/beats/v7/libbeat/outputs/fileout"
	_ "github.com/elastic/beats/v7/libbeat/outputs/kafka"
	"github.com/elastic/beats/v7/libbeat/outputs/outest"
	_ "github.com/elastic/beats/v7/libbeat/outputs/redis"
	conf "github.com/elastic/elastic-agent-libs/config"
	"github.com/elastic/elastic-agent-libs/mapstr"
	"github.com/stretchr/testify/require"
)

// forLibbeat are the codecs that libbeat's outputs know, each with the section
// that a user writes.
func forLibbeat() map[string]map[string]any {
	sections := map[string]map[string]any{}
	for _, name := range Names() {
		if kind, _ := Get(name); kind.InLibbeat || kind.OnlyAsFormat != "" {
			continue
		}
		sections[name] = map[string]any{"enabled": true}
		maps.Copy(sections[name], traits[name].required)
	}
	return sections
}

// The file output of libbeat itself writes the records, each with a newline.
func TestFileOutputWritesTheRecordsOfEveryCodec(t *testing.T) {
	events := []beat.Event{
		{Fields: mapstr.M{"message": "the first"}},
		{Fields: mapstr.M{"message": make(chan int)}}, // has no record
		{Fields: mapstr.M{"message": "the second, which is longer"}},
		{Fields: mapstr.M{"message": "3"}},
	}
	for name, section := range forLibbeat() {
		t.Run(name, func(t *testing.T) {
			directory := t.TempDir()
			cfg := conf.MustNewConfigFrom(map[string]any{
				"path": directory, "filename": "records", "codec": map[string]any{name: section},
			})
			group, err := outputs.Load(nil, testInfo, nil, "file", cfg)
			require.NoError(t, err)
			require.Len(t, group.Clients, 1)
			batch := outest.NewBatch(events...)
			require.NoError(t, group.Clients[0].Publish(t.Context(), batch))
			require.NoError(t, group.Clients[0].Close())
			require.Len(t, batch.Signals, 1)

			encoder := newTestEncoder(t, name)
			var expected []byte
			for i := range events {
				record, err := encoder.Append(expected, &events[i])
				if i == 1 {
					require.Error(t, err)
					continue
				}
				require.NoError(t, err)
				expected = append(record, '\n')
			}
			files, err := filepath.Glob(directory + "/records*")
			require.NoError(t, err)
			require.Len(t, files, 1)
			written, err := os.ReadFile(files[0])
			require.NoError(t, err)
			require.Equal(t, string(expected), string(written))
		})
	}
}

func TestOtherOutputsOfLibbeatTakeEveryCodec(t *testing.T) {
	for name, section := range forLibbeat() {
		for output, settings := range map[string]map[string]any{
			"console": {},
			"redis":   {"hosts": []string{"127.0.0.1"}},
			"kafka":   {"hosts": []string{"127.0.0.1"}, "topic": "logs"},
		} {
			settings["codec"] = map[string]any{name: section}
			_, err := outputs.Load(nil, testInfo, nil, output, conf.MustNewConfigFrom(settings))
			require.NoError(t, err, "%s in %s", name, output)
		}
	}
}

func TestInvalidSettingsOfACodecShowInTheOutputOfLibbeat(t *testing.T) {
	cfg := conf.MustNewConfigFrom(map[string]any{"codec.csv.separator": ";"})
	_, err := outputs.Load(nil, testInfo, nil, "console", cfg)
	require.ErrorContains(t, err, "codec csv: ")
	require.ErrorContains(t, err, "fields: is required")
}

// What an output does with a record until the next one, append to it above all,
// does not show in the next one.
func TestRecordForLibbeatIsValidUntilTheNext(t *testing.T) {
	for name, section := range forLibbeat() {
		cfg := libbeatConfig(t, map[string]any{name: section})
		c, err := libcodec.CreateEncoder(testInfo, cfg)
		require.NoError(t, err)
		event := &beat.Event{Fields: mapstr.M{"message": "a line"}}
		first, err := c.Encode("index", event)
		require.NoError(t, err)
		kept := bytes.Clone(first)
		_ = append(first, bytes.Repeat([]byte("x"), 100)...)

		_, err = c.Encode("index", &beat.Event{Fields: mapstr.M{"message": make(chan int)}})
		require.Error(t, err)
		again, err := c.Encode("index", event)
		require.NoError(t, err)
		require.Equal(t, kept, again, name)
	}
}

func TestDropsKeepTheirReasonThroughLibbeat(t *testing.T) {
	requireDrop(t, newLibbeatEncoder(t, map[string]any{"log.enabled": true}), &beat.Event{}, ReasonNoMessage)
}
