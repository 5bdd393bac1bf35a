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

	"filebeat-websocket/outputs/websocket/ack"
	"filebeat-websocket/outputs/websocket/framing"
	"filebeat-websocket/protocol/forward"
)

// forwardConfig is the section forward: what there is to set of Fluent Forward.
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

// validate returns an error for every setting that can't be used. Values that are
// secrets stay out of them.
func (f forwardConfig) validate() (problems []error) {
	bad := func(key string, err error) { problems = append(problems, settingError("forward."+key, err)) }
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

// forwardFraming returns the framing of Fluent Forward. A tag that is the same
// for all events is a part of it; another one is returned beside.
func (c *config) forwardFraming() (framing.Framing, *fmtstr.EventFormatString, error) {
	requests, err := framing.Forward(framing.ForwardOptions{
		Mode:   c.Forward.Mode,
		Chunks: c.strategyName() == forwardFormat,
	})
	if err != nil {
		return nil, nil, settingError("forward.mode", err)
	}
	tag, err := fmtstr.CompileEvent(c.Forward.Tag)
	if err != nil {
		return nil, nil, settingError("forward.tag", err)
	}
	if tag.IsConst() {
		return requests.Group(tagOf(tag, &beat.Event{})), nil, nil
	}
	return requests, tag, nil
}

// tagOf returns the tag of an event: the default one if it lacks a field.
func tagOf(tag *fmtstr.EventFormatString, event *beat.Event) string {
	text, err := tag.Run(event)
	if err != nil || text == "" {
		return framing.DefaultTag
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// strategyName returns the strategy that the settings ask for: ack: message
// means the confirmations that the format has, if it has some of its own.
func (c *config) strategyName() string {
	if c.Ack == "message" && c.Format == forwardFormat {
		return forwardFormat
	}
	return c.Ack
}

// handshake returns what the handshake of Fluent Forward needs, nil if there is
// none.
func (c *config) handshake(info beat.Info) *ack.Handshake {
	if c.Format != forwardFormat || c.Forward.SharedKey == "" {
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
	}
}

// withHandshake puts the handshake before a strategy, if there is one.
func (s *shared) withHandshake(strategy ack.Strategy) ack.Strategy {
	if s.handshake == nil {
		return strategy
	}
	return ack.WithHandshake(strategy, *s.handshake)
}
