// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/outputs"
	conf "github.com/elastic/elastic-agent-libs/config"
	"github.com/elastic/elastic-agent-libs/mapstr"
	"github.com/stretchr/testify/require"
)

const formatsFile = "../../docs/formats.md"

// sectionOf returns what stands below a heading of docs/formats.md, up to the
// next one.
func sectionOf(t *testing.T, heading string) string {
	t.Helper()
	content, err := os.ReadFile(formatsFile)
	require.NoError(t, err)
	_, section, found := strings.Cut(string(content), "\n"+heading+"\n")
	require.True(t, found, "docs/formats.md has no section %q", heading)
	if next := regexp.MustCompile(`(?m)^#{2,3} `).FindStringIndex(section); next != nil {
		section = section[:next[0]]
	}
	return section
}

var codeBlock = regexp.MustCompile("(?s)```\\w*\n(.*?)\n```")

func codeBlocks(t *testing.T, heading string) []string {
	t.Helper()
	var blocks []string
	for _, block := range codeBlock.FindAllStringSubmatch(sectionOf(t, heading), -1) {
		blocks = append(blocks, block[1])
	}
	return blocks
}

// documentedEvent is the event of the document's examples.
func documentedEvent(t *testing.T) *beat.Event {
	t.Helper()
	fields := mapstr.M{}
	require.NoError(t, json.Unmarshal([]byte(codeBlocks(t, "### Flat records")[0]), &fields))
	timestamp, _ := fields["@timestamp"].(string)
	at, err := time.Parse(time.RFC3339Nano, timestamp)
	require.NoError(t, err)
	metadata, _ := fields["@metadata"].(map[string]any)
	event := &beat.Event{Timestamp: at, Meta: metadata, Fields: fields}
	delete(fields, "@timestamp")
	delete(fields, "@metadata")
	return event
}

func TestExamplesInTheDocsAreWhatTheCodecsWrite(t *testing.T) {
	short := &beat.Event{Timestamp: documentedEvent(t).Timestamp, Fields: mapstr.M{"message": "x"}}
	ofCSV := documentedEvent(t)
	ofCSV.Fields["log"] = mapstr.M{"level": "warning"}
	columns := regexp.MustCompile("`csv.fields: (\\[.*?\\])`").FindStringSubmatch(sectionOf(t, "### csv"))
	require.NotNil(t, columns)
	var names []string
	require.NoError(t, json.Unmarshal([]byte(columns[1]), &names))

	for heading, examples := range map[string][]struct {
		options map[string]any
		event   *beat.Event
	}{
		"msgpack": {{nil, short}, {map[string]any{"version": 1}, short}},
		"gelf":    {{nil, documentedEvent(t)}},
		"ltsv":    {{nil, documentedEvent(t)}, {map[string]any{"delimiter": "&", "label_delimiter": "="}, documentedEvent(t)}},
		"form":    {{nil, documentedEvent(t)}},
		"csv":     {{map[string]any{"fields": names}, ofCSV}},
		"log":     {{nil, &beat.Event{Timestamp: short.Timestamp, Fields: mapstr.M{"message": "a plain line"}}}},
		"raw":     {{nil, &beat.Event{Fields: mapstr.M{"message": "a plain line"}}}},
		"json":    {{nil, &beat.Event{Timestamp: short.Timestamp, Fields: mapstr.M{"message": "a plain line"}}}},
	} {
		t.Run(heading, func(t *testing.T) {
			blocks := codeBlocks(t, "### "+heading)
			require.Len(t, blocks, len(examples))
			for i, example := range examples {
				newEncoder, binary := newFactoryWith(t, heading, example.options)
				record, err := newEncoder().Append(nil, example.event)
				require.NoError(t, err)
				if binary {
					record = []byte(hex.EncodeToString(record))
					blocks[i] = strings.ReplaceAll(blocks[i], " ", "")
				}
				require.Equal(t, blocks[i], string(record))
			}
		})
	}
}

func TestDatesInTheDocsAreWhatTheJSONCodecWrites(t *testing.T) {
	event := &beat.Event{Timestamp: documentedEvent(t).Timestamp, Fields: mapstr.M{"message": "a plain line"}}
	documented := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`.*) \\| .* \\| `(\\{.*\\})` \\|$").FindAllStringSubmatch(sectionOf(t, "### json"), -1) {
		for _, name := range regexp.MustCompile("`(.*?)`").FindAllStringSubmatch(row[1], -1) {
			encoder := newEncoderWith(t, "json", map[string]any{"json_date_key": "date", "json_date_format": name[1]})
			record, err := encoder.Append(nil, event)
			require.NoError(t, err)
			require.Equal(t, row[2], string(record))
			documented[name[1]] = true
		}
	}
	require.Len(t, documented, len(dateFormats))
}

func TestLevelsInTheDocsAreThoseOfTheCodec(t *testing.T) {
	_, line, found := strings.Cut(sectionOf(t, "### gelf"), "- Names of levels, in upper or lower case: ")
	require.True(t, found)
	line, _, _ = strings.Cut(line, ".\n")
	line = strings.Join(strings.Fields(line), " ")
	documented := map[string]byte{}
	for level, names := range strings.Split(line, ", ") {
		for name := range strings.FieldsSeq(names) {
			documented[strings.Trim(name, "`")] = byte(level)
		}
		documented[string(digits[level])] = byte(level)
	}
	require.Equal(t, levelNames, documented)
}

func TestOutputsInTheDocsTakeTheirCodec(t *testing.T) {
	blocks := codeBlocks(t, "## In other outputs")
	require.Len(t, blocks, 1)
	cfg, err := conf.NewConfigWithYAML([]byte(blocks[0]), formatsFile)
	require.NoError(t, err)
	section, err := cfg.Child("output.file", -1)
	require.NoError(t, err)
	require.NoError(t, section.SetString("path", -1, t.TempDir()))
	group, err := outputs.Load(nil, testInfo, nil, "file", section)
	require.NoError(t, err)
	for _, client := range group.Clients {
		require.NoError(t, client.Close())
	}
	for name := range forLibbeat() {
		require.Contains(t, sectionOf(t, "## In other outputs"), "`"+name+"`", "docs/formats.md, section In other outputs, lacks codec %s", name)
	}
}

func TestDocsDescribeEveryCodec(t *testing.T) {
	for _, name := range Names() {
		sectionOf(t, "### "+name)
	}
}
