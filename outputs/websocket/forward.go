// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/common/fmtstr"

	"filebeat-websocket/outputs/codec"
	"filebeat-websocket/outputs/websocket/ack"
	"filebeat-websocket/outputs/websocket/framing"
	"filebeat-websocket/protocol/forward"
)

// forwardSection is the section of Fluent Forward's settings.
const forwardSection = "forward"

// forwardConfig holds the settings of Fluent Forward: of its requests, and of the
// handshake before them.
type forwardConfig struct {
	Mode      string `config:"mode"`
	Tag       string `config:"tag"`
	SharedKey string `config:"shared_key"`
	Username  string `config:"username"`
	Password  string `config:"password"`
	Hostname  string `config:"hostname"`
}

func defaultForward() forwardConfig {
	return forwardConfig{Mode: framing.ModePacked, Tag: framing.DefaultTag}
}

// validate returns an error for every setting that can't be used. No error holds a
// secret.
func (f forwardConfig) validate() (problems []error) {
	bad := func(key string, err error) { problems = append(problems, settingError(forwardSection+"."+key, err)) }
	if !slices.Contains(framing.ForwardModes, f.Mode) {
		bad("mode", fmt.Errorf("unknown mode %q, known are %s", f.Mode, strings.Join(framing.ForwardModes, ", ")))
	}
	if f.Tag == "" {
		bad("tag", errors.New("is empty"))
	} else if _, err := fmtstr.CompileEvent(f.Tag); err != nil {
		bad("tag", err)
	}
	for key, value := range map[string]string{"username": f.Username, "hostname": f.Hostname} {
		if len(value) > forward.MaxTextBytes {
			bad(key, fmt.Errorf("is longer than %d bytes", forward.MaxTextBytes))
		}
		if value != "" && f.SharedKey == "" {
			bad(key, errors.New("is for the handshake, which needs forward.shared_key"))
		}
	}
	if f.Password != "" && f.Username == "" {
		bad("password", errors.New("needs forward.username"))
	}
	return problems
}

// requests returns the framing that the settings ask for if its messages are
// requests of a protocol, else nil.
func (c *config) requests() framing.Requests {
	layout, err := framing.Get(c.framingName())
	if err != nil {
		return nil
	}
	requests, _ := layout.(framing.Requests)
	return requests
}

// taggedFraming returns requests with the settings of the section. A tag that is
// the same for all events is part of the framing; any other tag is returned beside
// it.
func (c *config) taggedFraming(requests framing.Requests) (framing.Framing, *fmtstr.EventFormatString, error) {
	requests, err := requests.With(framing.ForwardOptions{
		Mode:   c.Forward.Mode,
		Chunks: c.strategyName() == requests.Strategy(),
	})
	if err != nil {
		return nil, nil, settingError(forwardSection+".mode", err)
	}
	tag, err := fmtstr.CompileEvent(c.Forward.Tag)
	if err != nil {
		return nil, nil, settingError(forwardSection+".tag", err)
	}
	if tag.IsConst() {
		return requests.Group(tagOf(tag, &beat.Event{})), nil, nil
	}
	return requests, tag, nil
}

// tagOf returns the tag of an event: the default one if the event lacks a field of
// the tag.
func tagOf(tag *fmtstr.EventFormatString, event *beat.Event) string {
	text, err := tag.Run(event)
	if err != nil || text == "" {
		return framing.DefaultTag
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// strategyName returns the strategy that the settings ask for: with ack: message
// that is the one for the confirmations of requests, if messages are requests.
func (c *config) strategyName() string {
	if requests := c.requests(); requests != nil && c.Ack == "message" {
		return requests.Strategy()
	}
	return c.Ack
}

// validateStrategy checks `ack` and `ack_field` against the framing.
func (c *config) validateStrategy() (problems []error) {
	if _, err := ack.Get(c.Ack); err != nil {
		return []error{settingError("ack", err)}
	}
	for _, name := range framing.Names() {
		layout, err := framing.Get(name)
		if requests, ok := layout.(framing.Requests); err == nil && ok && requests.Strategy() == c.Ack {
			problems = append(problems, settingError("ack", fmt.Errorf("%s is not a value; use ack: message with format: %s", c.Ack, formatWith(name))))
		}
	}
	if c.AckField != "" && c.Ack == "message" && c.requests() != nil {
		problems = append(problems, settingError("ack_field", fmt.Errorf("does not go with format: %s, which has confirmations of its own", c.Format)))
	}
	return problems
}

// formatWith returns the first format that has a framing by default.
func formatWith(framingName string) string {
	for _, name := range codec.FormatNames() {
		if chosen, err := codec.GetFormat(name); err == nil && chosen.Framing == framingName {
			return name
		}
	}
	return ""
}

// handshake returns what the handshake before the first request needs, nil if
// there is none.
func (c *config) handshake(info beat.Info) *ack.Handshake {
	if c.requests() == nil || c.Forward.SharedKey == "" {
		return nil
	}
	hostname := c.Forward.Hostname
	if hostname == "" {
		hostname = info.Hostname
	}
	return &ack.Handshake{
		Hostname:  hostname,
		SharedKey: c.Forward.SharedKey,
		Username:  c.Forward.Username,
		Password:  c.Forward.Password,

		MaxReadBytes: int(c.MaxReadBytes),
	}
}

// withHandshake puts the handshake before a strategy, if there is one.
func (s *shared) withHandshake(strategy ack.Strategy) ack.Strategy {
	if s.handshake == nil {
		return strategy
	}
	return ack.WithHandshake(strategy, *s.handshake)
}
