// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"fmt"
	"maps"
	"slices"

	"github.com/elastic/beats/v7/libbeat/beat"

	"filebeat-websocket/outputs/codec"
	"filebeat-websocket/outputs/websocket/framing"
)

// preset is what a value of `format` stands for.
type preset struct {
	codec       string
	framing     string
	replaceable bool // codec.* may take the place of the codec
}

// presets are the formats of the contract that this build can send.
var presets = map[string]preset{
	"json":        {codec: "json", framing: "message", replaceable: true},
	"json_lines":  {codec: "json", framing: "lines", replaceable: true},
	"json_array":  {codec: "json", framing: "array", replaceable: true},
	"json_stream": {codec: "json", framing: "concat", replaceable: true},
	"log":         {codec: "log", framing: "message"},
	"raw":         {codec: "raw", framing: "message", replaceable: true},
}

func formatNames() []string { return slices.Sorted(maps.Keys(presets)) }

// wireFormat is how events become messages.
type wireFormat struct {
	newEncoder    func() codec.Encoder
	newDeadLetter func() codec.Encoder // of an event's JSON, nil if it is not needed
	isJSON        bool                 // records are the event as Beats' JSON
	binary        bool                 // records are no text
	framing       framing.Framing
}

// framingName returns the framing that the settings ask for.
func (c *config) framingName() string {
	if c.Framing != "" {
		return c.Framing
	}
	return presets[c.Format].framing
}

// recordsAreOpaque reports whether nothing but the framing shows where a record
// ends.
func (c *config) recordsAreOpaque() bool {
	if c.Codec.Namespace.IsSet() {
		return c.Codec.Namespace.Name() != "json"
	}
	return c.Format == "raw"
}

// wireFormat puts the pieces of a checked configuration together.
func (c *config) wireFormat(info beat.Info) (*wireFormat, error) {
	layout, err := framing.Get(c.framingName())
	if err != nil {
		return nil, settingError("framing", err)
	}
	format := &wireFormat{framing: layout}
	if c.DeadLetter.Path != "" {
		format.newDeadLetter, _, err = codec.New("json", info, nil)
		if err != nil {
			return nil, settingError("dead_letter", err)
		}
	}
	if c.Codec.Namespace.IsSet() {
		format.newEncoder, err = codec.FromLibbeat(info, info.Beat, c.Codec)
		if err != nil {
			return nil, settingError("codec", err)
		}
		return format, nil
	}
	format.newEncoder, format.binary, err = codec.New(presets[c.Format].codec, info, nil)
	if err != nil {
		return nil, settingError("format", fmt.Errorf("%s: %w", c.Format, err))
	}
	format.isJSON = presets[c.Format].codec == "json"
	return format, nil
}
