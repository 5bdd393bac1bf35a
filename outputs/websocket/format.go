// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/common/fmtstr"

	"filebeat-websocket/outputs/codec"
	"filebeat-websocket/outputs/websocket/framing"
)

// preset is what a value of `format` stands for.
type preset struct {
	codec       string
	framing     string
	replaceable bool // codec.* may take the place of the codec
}

// presets are the formats of the contract.
var presets = map[string]preset{
	"json":        {codec: "json", framing: "message", replaceable: true},
	"json_lines":  {codec: "json", framing: "lines", replaceable: true},
	"json_array":  {codec: "json", framing: "array", replaceable: true},
	"json_stream": {codec: "json", framing: "concat", replaceable: true},
	"log":         {codec: "log", framing: "message"},
	"raw":         {codec: "raw", framing: "message", replaceable: true},
	"msgpack":     {codec: "msgpack", framing: "concat"},
	"gelf":        {codec: "gelf", framing: "message"},
	"forward":     {codec: forwardFormat, framing: forwardFormat},
	"ltsv":        {codec: "ltsv", framing: "lines"},
	"csv":         {codec: "csv", framing: "lines"},
	"form":        {codec: "form", framing: "message"},
}

// forwardFormat is the name of Fluent Forward as a format, a codec, a framing and
// a strategy.
const forwardFormat = "forward"

func formatNames() []string { return slices.Sorted(maps.Keys(presets)) }

// fitting are the framings that leave a receiver a way to tell the records of a
// codec apart. A codec that is not there has records of any bytes, and fits as
// opaqueFits says.
var fitting = map[string][]string{
	"json":        {"message", "lines", "array", "concat"},
	"log":         {"message", "lines", "array", "concat"},
	"gelf":        {"message", "lines", "array", "concat"},
	"msgpack":     {"message", "concat"},
	"form":        {"message"},
	forwardFormat: {forwardFormat},
}

var opaqueFits = []string{"message", "lines"}

// fits returns the framings that go with a codec.
func fits(codecName string) []string {
	if layouts, ok := fitting[codecName]; ok {
		return layouts
	}
	return opaqueFits
}

// codecName returns the codec that the settings ask for: one of ours, or one of
// libbeat's.
func (c *config) codecName() string {
	if c.Codec.Namespace.IsSet() {
		return c.Codec.Namespace.Name()
	}
	return presets[c.Format].codec
}

// codecSubject returns the setting that the codec comes from, for a sentence.
func (c *config) codecSubject() string {
	if c.Codec.Namespace.IsSet() {
		return "codec." + c.codecName()
	}
	return "format: " + c.Format
}

// framingName returns the framing that the settings ask for.
func (c *config) framingName() string {
	if c.Framing != "" {
		return c.Framing
	}
	return presets[c.Format].framing
}

// validateFormat checks that the pieces of what is sent are known and fit
// together.
func (c *config) validateFormat() (problems []error) {
	bad := func(key, format string, args ...any) {
		problems = append(problems, settingError(key, fmt.Errorf(format, args...)))
	}
	chosen, known := presets[c.Format]
	if !known {
		bad("format", "unknown format %q, known are %s", c.Format, strings.Join(formatNames(), ", "))
		return problems
	}
	if c.Codec.Namespace.IsSet() && !chosen.replaceable {
		bad("codec", "takes the place of the record of json and raw, and does not go with format: %s", c.Format)
		return problems
	}
	if c.Codec.Namespace.IsSet() && c.codecName() == forwardFormat {
		bad("codec", "entries of Fluent Forward are what format: forward sends, with requests around them")
		return problems
	}
	if c.Framing != "" {
		if _, err := framing.Get(c.Framing); err != nil {
			bad("framing", "%w", err)
			return problems
		}
	}
	name, layout := c.codecName(), c.framingName()
	if layouts := fits(name); !slices.Contains(layouts, layout) {
		key := "framing"
		if c.Codec.Namespace.IsSet() && c.Framing == "" {
			key = "codec"
		}
		bad(key, "framing %s does not go with %s, whose records need %s", layout, c.codecSubject(), strings.Join(layouts, " or "))
	}
	return append(problems, c.validateFormatOptions()...)
}

// wireFormat is how events become messages.
type wireFormat struct {
	newEncoder    func() codec.Encoder
	newDeadLetter func() codec.Encoder // of an event's JSON, nil if it is not needed
	isJSON        bool                 // records are the event as JSON
	binary        bool                 // records are no text
	framing       framing.Framing
	tag           *fmtstr.EventFormatString // of the group that an event belongs to, nil if there is but one
}

// layout returns the framing of messages of that group.
func (f *wireFormat) layout(group string) framing.Framing {
	if f.tag == nil {
		return f.framing
	}
	return framing.InGroup(f.framing, group)
}

// wireFormat puts the pieces of a checked configuration together.
func (c *config) wireFormat(info beat.Info) (*wireFormat, error) {
	format := &wireFormat{}
	var err error
	if c.framingName() == forwardFormat {
		format.framing, format.tag, err = c.forwardFraming()
	} else if format.framing, err = framing.Get(c.framingName()); err != nil {
		err = settingError("framing", err)
	}
	if err != nil {
		return nil, err
	}
	if c.DeadLetter.Path != "" {
		format.newDeadLetter, _, err = codec.New("json", info, nil)
		if err != nil {
			return nil, settingError("dead_letter", err)
		}
	}
	if err := c.chooseCodec(format, info); err != nil {
		return nil, err
	}
	return format, nil
}

// chooseCodec fills in what the codec says. A codec of ours that codec.* names
// is used as it is, so that binary records go out as such.
func (c *config) chooseCodec(format *wireFormat, info beat.Info) (err error) {
	name := c.codecName()
	switch {
	case !c.Codec.Namespace.IsSet():
		options, err := c.codecOptions(name)
		if err != nil {
			return settingError("format", err)
		}
		format.newEncoder, format.binary, err = codec.New(name, info, options)
		if err != nil {
			return settingError("format", fmt.Errorf("%s: %w", c.Format, err))
		}
		format.isJSON = name == "json"
		return nil
	case name != "json" && slices.Contains(codec.Names(), name):
		format.newEncoder, format.binary, err = codec.New(name, info, c.Codec.Namespace.Config())
	default:
		format.newEncoder, err = codec.FromLibbeat(info, info.Beat, c.Codec)
	}
	if err != nil {
		return settingError("codec", err)
	}
	return nil
}
