// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package settings

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/mitchellh/mapstructure"
)

// Decode turns values into the struct that into points to. Unknown keys are errors.
// setting returns the name of a key's setting, and also are keys beside those of the
// struct, both for errors.
func (s *Section) Decode(values map[string]any, into any, setting func(key string) string, also ...string) error {
	var metadata mapstructure.Metadata
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result:           into,
		TagName:          "config",
		Metadata:         &metadata,
		WeaklyTypedInput: true, // "8080" is a number, one host is a list of hosts
		MatchName:        func(key, field string) bool { return key == field },
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			variableHook,
			listHook,
			dottedHook,
			refuseLooseScalars,
			durationHook,
			bytesHook,
			permissionsHook,
		),
	})
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	if err := decoder.Decode(values); err != nil {
		return s.decodeError(err, setting)
	}
	slices.Sort(metadata.Unused)
	var problems []error
	for _, key := range metadata.Unused {
		known := keysBeside(into, key)
		if !strings.Contains(key, ".") {
			known = append(known, also...)
		}
		problems = append(problems, s.Error(setting(key), unknown(key, known)))
	}
	return errors.Join(problems...)
}

// quotedSetting finds the name of a setting in an error of mapstructure.
var quotedSetting = regexp.MustCompile(`'([^']+)'`)

// decodeError names the setting whose value has the wrong type. It leaves out the
// value, which may be a secret.
func (s *Section) decodeError(err error, setting func(key string) string) error {
	all, ok := errors.AsType[*mapstructure.Error](err)
	if !ok {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	var problems []error
	for _, text := range all.Errors {
		text, _, _ = strings.Cut(text, ", value:")
		key := "?"
		if match := quotedSetting.FindStringSubmatch(text); match != nil {
			key = match[1]
			text = strings.TrimPrefix(text, "error decoding "+match[0]+": ")
		}
		problems = append(problems, s.Error(setting(key), errors.New(text)))
	}
	return errors.Join(problems...)
}
