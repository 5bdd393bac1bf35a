// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package stoppable lets Filebeat end while the API server of Kubernetes does not answer.
//
// The start of libbeat's autodiscover provider kubernetes lasts until the API server has
// sent its list of pods, and only the provider's Stop ends it sooner. Filebeat waits for
// the start before it looks whether it was asked to stop, so it never came to call Stop.
// Here the start goes on in the background.
package stoppable

import (
	"strings"
	"sync/atomic"

	"github.com/gofrs/uuid/v5"

	"github.com/elastic/beats/v7/libbeat/autodiscover"
	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/elastic-agent-autodiscover/bus"
	"github.com/elastic/elastic-agent-libs/config"
	"github.com/elastic/elastic-agent-libs/keystore"
)

const (
	original   = "kubernetes"
	background = "kubernetes, started in the background"
)

// Autodiscover returns a creator of the same Beat whose providers of type kubernetes
// start in the background.
func Autodiscover(create beat.Creator) (beat.Creator, error) {
	if err := autodiscover.Registry.AddProvider(background, build); err != nil {
		return nil, err
	}
	return func(b *beat.Beat, settings *config.C) (beat.Beater, error) {
		if err := replace(settings); err != nil {
			return nil, err
		}
		return create(b, settings)
	}, nil
}

// replace renames the type of the providers. What cannot be read is left for Filebeat to
// refuse.
func replace(settings *config.C) error {
	section, err := settings.Child("autodiscover", -1)
	if err != nil {
		return nil //nolint:nilerr // there is no autodiscover
	}
	number, err := section.CountField("providers")
	if err != nil {
		return nil //nolint:nilerr // Filebeat says so
	}
	for i := range number {
		provider, err := section.Child("providers", i)
		if err != nil {
			continue
		}
		kind, err := provider.String("type", -1)
		// With unique, the start does not wait.
		unique, _ := provider.Bool("unique", -1)
		if err != nil || unique || !strings.EqualFold(kind, original) {
			continue
		}
		if err := provider.SetString("type", -1, background); err != nil {
			return err
		}
	}
	return nil
}

func build(beatName string, events bus.Bus, id uuid.UUID, settings *config.C, keys keystore.Keystore) (autodiscover.Provider, error) {
	made, err := autodiscover.Registry.GetProvider(original)(beatName, events, id, settings, keys)
	if err != nil {
		return nil, err
	}
	return &provider{Provider: made}, nil
}

type provider struct {
	autodiscover.Provider
	stopped atomic.Bool
}

// Start returns at once.
func (p *provider) Start() {
	go func() {
		defer func() {
			// libbeat logs the start that Stop has ended with a logger that is nil.
			if p.stopped.Load() {
				_ = recover()
			}
		}()
		p.Provider.Start()
	}()
}

// Stop also ends a start that is not over.
func (p *provider) Stop() {
	p.stopped.Store(true)
	p.Provider.Stop()
}
