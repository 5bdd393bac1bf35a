// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	conf "github.com/elastic/elastic-agent-libs/config"
)

// options is what the option structs of the codecs have in common. Errors of
// Validate name the setting, without the section that it stands in.
type options interface {
	Validate() error
}

// readOptions reads cfg, which may be nil, into the struct that o points to,
// which holds the defaults. A key that the struct lacks is an error.
func readOptions(cfg *conf.C, o options) error {
	if cfg != nil {
		// libbeat reads enabled: with it a section without other keys is one.
		known := append(optionNames(reflect.TypeOf(o).Elem()), "enabled")
		var problems []error
		for _, name := range cfg.GetFields() {
			if !slices.Contains(known, name) {
				problems = append(problems, fmt.Errorf("%s: unknown setting", name))
			}
		}
		if err := errors.Join(problems...); err != nil {
			return err
		}
		if err := cfg.Unpack(o); err != nil {
			return err
		}
	}
	return o.Validate()
}

// optionNames returns the keys of a struct with config tags.
func optionNames(of reflect.Type) []string {
	var names []string
	for field := range of.Fields() {
		name, tagOptions, _ := strings.Cut(field.Tag.Get("config"), ",")
		if tagOptions == "inline" {
			names = append(names, optionNames(field.Type)...)
			continue
		}
		names = append(names, name)
	}
	return names
}

// noOptions are those of a codec that has none.
type noOptions struct{}

func (*noOptions) Validate() error { return nil }
