// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/common/fmtstr"
	conf "github.com/elastic/elastic-agent-libs/config"

	"filebeat-websocket/outputs/codec"
	"filebeat-websocket/outputs/websocket/framing"
)

// opaqueFits are the framings of records that may hold any bytes, as those of
// libbeat's codecs.
var opaqueFits = []string{"message", "lines"}

// fits returns the framings that go with a codec.
func fits(codecName string) []string {
	kind, err := codec.Get(codecName)
	if err != nil {
		return opaqueFits
	}
	return kind.Framings
}

// codecName returns the codec that the settings ask for: one of ours, or one of
// libbeat's. It is empty if the format is unknown.
func (c *config) codecName() string {
	if c.Codec.Namespace.IsSet() {
		return c.Codec.Namespace.Name()
	}
	chosen, _ := codec.GetFormat(c.Format)
	return chosen.Codec
}

// codecSubject returns the setting that the codec comes from, for a sentence.
func (c *config) codecSubject() string {
	if c.Codec.Namespace.IsSet() {
		return "codec." + c.codecName()
	}
	return "format: " + c.Format
}

// framingName returns the framing that the settings ask for. It is empty if the
// format is unknown.
func (c *config) framingName() string {
	if c.Framing != "" {
		return c.Framing
	}
	chosen, _ := codec.GetFormat(c.Format)
	return chosen.Framing
}

// validateFormat checks that codec, framing and options are known and fit
// together.
func (c *config) validateFormat() (problems []error) {
	bad := func(key, format string, args ...any) {
		problems = append(problems, settingError(key, fmt.Errorf(format, args...)))
	}
	chosen, err := codec.GetFormat(c.Format)
	if err != nil {
		bad("format", "%w", err)
		return problems
	}
	if c.Codec.Namespace.IsSet() {
		if err := c.validateCodec(chosen.Codec); err != nil {
			bad("codec", "%w", err)
			return problems
		}
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
	if c.Codec.Namespace.IsSet() {
		return problems // the codec checks its own section
	}
	problems = append(problems, c.Options.Validate(name, settingError)...)
	if c.requests() != nil {
		problems = append(problems, c.Forward.validate()...)
	}
	return problems
}

// unusedOptions returns the settings that are set and that nothing reads, because
// they belong to another format.
func (c *config) unusedOptions() []string {
	used := c.codecName()
	if c.Codec.Namespace.IsSet() {
		used = ""
	}
	unused := c.Options.Unused(used)
	if c.requests() == nil && c.Forward != defaultForward() {
		unused = append(unused, forwardSection)
	}
	slices.Sort(unused)
	return slices.Compact(unused)
}

// validateCodec checks that the codec of codec.* may replace the one of the
// format.
func (c *config) validateCodec(replaced string) error {
	var replaceable []string
	for _, name := range codec.Names() {
		if kind, err := codec.Get(name); err == nil && kind.Replaceable {
			replaceable = append(replaceable, name)
		}
	}
	if !slices.Contains(replaceable, replaced) {
		return fmt.Errorf("takes the place of the record of %s, and does not go with format: %s", strings.Join(replaceable, " and "), c.Format)
	}
	if kind, err := codec.Get(c.codecName()); err == nil && kind.OnlyAsFormat != "" {
		return errors.New(kind.OnlyAsFormat)
	}
	return nil
}

// wireFormat is how events become messages.
type wireFormat struct {
	newEncoder    func() codec.Encoder
	newDeadLetter func() codec.Encoder // of an event as JSON, nil if it is not needed
	isJSON        bool                 // records are the event as JSON
	binary        bool                 // records are not text
	framing       framing.Framing
	tag           *fmtstr.EventFormatString // gives the group of an event, nil if there is only one group
}

// layout returns the framing of the messages of a group.
func (f *wireFormat) layout(group string) framing.Framing {
	if f.tag == nil {
		return f.framing
	}
	return framing.InGroup(f.framing, group)
}

// message returns the framing of a message by its first record. The number stays with the
// record: when the message is sent again, it is the same.
func (f *wireFormat) message(first *record) framing.Framing {
	layout := f.layout(first.group)
	numbered, ok := layout.(framing.Numbered)
	if !ok {
		return layout
	}
	if first.number == 0 {
		first.number = lastNumber.Add(1)
	}
	return numbered.Numbered(first.number)
}

// lastNumber is of a message. It begins at random, since other processes number theirs, too.
var lastNumber = func() *atomic.Uint64 {
	var number atomic.Uint64
	number.Store(rand.Uint64())
	return &number
}()

// wireFormat puts the pieces of a checked configuration together.
func (c *config) wireFormat(info beat.Info) (*wireFormat, error) {
	format := &wireFormat{}
	var err error
	if format.framing, err = framing.Get(c.framingName()); err != nil {
		return nil, settingError("framing", err)
	}
	if requests, ok := format.framing.(framing.Requests); ok {
		if format.framing, format.tag, err = c.taggedFraming(requests); err != nil {
			return nil, err
		}
	}
	if c.DeadLetter.Path != "" {
		if format.newDeadLetter, err = codec.Document(info); err != nil {
			return nil, settingError("dead_letter", err)
		}
	}
	if err := c.chooseCodec(format, info); err != nil {
		return nil, err
	}
	return format, nil
}

// chooseCodec fills in what the codec says. A codec of ours that codec.* names
// is used without libbeat in between, so that binary records go out as such.
func (c *config) chooseCodec(format *wireFormat, info beat.Info) error {
	name := c.codecName()
	kind, unknown := codec.Get(name)
	var err error
	switch {
	case !c.Codec.Namespace.IsSet():
		var options *conf.C
		if options, err = c.Options.Of(name); err != nil {
			return settingError("format", err)
		}
		if format.newEncoder, format.binary, err = codec.New(name, info, options); err != nil {
			return settingError("format", fmt.Errorf("%s: %w", c.Format, err))
		}
		format.isJSON = kind.Document
		return nil
	case unknown != nil || kind.InLibbeat:
		format.newEncoder, err = codec.FromLibbeat(info, info.Beat, c.Codec)
	default:
		format.newEncoder, format.binary, err = codec.New(name, info, c.Codec.Namespace.Config())
	}
	if err != nil {
		return settingError("codec", err)
	}
	return nil
}
