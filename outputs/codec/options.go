// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	conf "github.com/elastic/elastic-agent-libs/config"
)

// Options are the settings of a codec: a pointer to a struct whose fields have a
// config tag with their key. A field with the tag shared:"true" belongs to several
// codecs: an output has it beside `format`, once for all of them, and not in the
// section of the codec.
type Options interface {
	// Validate returns an error for every setting that can't be used, joined. Each
	// begins with the key and a colon, without the section.
	Validate() error
}

// Option is a field of a struct of options.
type Option struct {
	Key    string
	Shared bool
	Value  reflect.Value // can be set
}

// Fields returns the fields of options.
func Fields(options Options) []Option {
	value := reflect.ValueOf(options).Elem()
	fields := make([]Option, 0, value.NumField())
	for field := range value.Type().Fields() {
		fields = append(fields, Option{
			Key:    field.Tag.Get("config"),
			Shared: field.Tag.Get("shared") == "true",
			Value:  value.FieldByIndex(field.Index),
		})
	}
	return fields
}

// readOptions reads cfg, which may be nil, into options, which hold the defaults.
// A key that they lack is an error.
func readOptions(cfg *conf.C, options Options) error {
	if cfg != nil {
		// libbeat reads enabled: with it a section without other keys is one.
		known := []string{"enabled"}
		for _, field := range Fields(options) {
			known = append(known, field.Key)
		}
		var problems []error
		for _, key := range cfg.GetFields() {
			if !slices.Contains(known, key) {
				problems = append(problems, fmt.Errorf("%s: unknown setting", key))
			}
		}
		if err := errors.Join(problems...); err != nil {
			return err
		}
		if err := cfg.Unpack(options); err != nil {
			return err
		}
	}
	return options.Validate()
}

// noOptions are the options of a codec without any.
type noOptions struct{}

func (*noOptions) Validate() error { return nil }
