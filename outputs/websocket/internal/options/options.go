// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Package options reads and checks the options of all codecs, as they stand in the
// output's section. It names no codec.
package options

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	conf "github.com/elastic/elastic-agent-libs/config"

	"filebeat-websocket/outputs/codec"
	"filebeat-websocket/outputs/websocket/internal/settings"
)

// All are the options of all codecs that have some, by the names of the codecs.
// Those of codecs that are not used are read too, so that a wrong key is an error.
type All map[string]codec.Options

// Defaults returns what the codecs have registered.
func Defaults() All {
	all := All{}
	for _, name := range codec.Names() {
		if kind, err := codec.Get(name); err == nil && kind.Options != nil {
			all[name] = kind.Options()
		}
	}
	return all
}

// Read decodes the options of all codecs and takes them out of the section. It
// returns their keys.
func (all All) Read(section *settings.Section) ([]string, error) {
	var problems []error
	taken := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		places := Places(name, all[name])
		values, err := optionValues(name, section, places)
		if err == nil {
			err = section.Decode(values, all[name], func(key string) string { return settingOf(name, key, places) })
		}
		problems = append(problems, apart(err)...)
		taken[name] = true
		for key, place := range places {
			taken[place] = taken[place] || key == place
		}
	}
	for key := range taken {
		delete(section.Values, key)
	}
	// Each of the codecs that share a setting says what is wrong with it.
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	problems = slices.CompactFunc(problems, func(a, b error) bool { return a.Error() == b.Error() })
	return slices.Sorted(maps.Keys(taken)), errors.Join(problems...)
}

// optionValues returns the options of a codec that are set, by their keys.
func optionValues(codecName string, section *settings.Section, places map[string]string) (map[string]any, error) {
	given := section.Values
	values := map[string]any{}
	if own := given[codecName]; own != nil {
		inner, isMap := own.(map[string]any)
		if !isMap {
			return nil, section.Error(codecName, fmt.Errorf("expected a map, got '%s'", reflect.TypeOf(own).Kind()))
		}
		maps.Copy(values, inner)
	}
	for key, place := range places {
		if key != place {
			continue
		}
		if _, misplaced := values[key]; misplaced {
			return nil, section.Error(codecName+"."+key, errors.New("unknown setting"))
		}
		if value, set := given[key]; set {
			values[key] = value
		}
	}
	return values, nil
}

// Places returns the settings, as they stand below output.websocket, of a codec's
// options by their keys. That of a shared option is its key.
func Places(codecName string, options codec.Options) map[string]string {
	places := map[string]string{}
	for _, option := range codec.Fields(options) {
		places[option.Key] = codecName + "." + option.Key
		if option.Shared {
			places[option.Key] = option.Key
		}
	}
	return places
}

// settingOf returns the setting of a key, which may be unknown or an element of a
// list.
func settingOf(codecName, key string, places map[string]string) string {
	if place, known := places[key]; known {
		return place
	}
	return codecName + "." + key
}

// Of returns the options of a codec as the section that it reads, nil if it has
// none.
func (all All) Of(codecName string) (*conf.C, error) {
	options, has := all[codecName]
	if !has {
		return nil, nil
	}
	return conf.NewConfigFrom(options)
}

// Validate checks the options of a codec. settingError adds the name of a setting to
// an error.
func (all All) Validate(codecName string, settingError func(key string, err error) error) (problems []error) {
	options, has := all[codecName]
	if !has {
		return nil
	}
	places := Places(codecName, options)
	for _, err := range apart(options.Validate()) {
		key, text, _ := strings.Cut(err.Error(), ": ")
		problems = append(problems, settingError(settingOf(codecName, key, places), errors.New(text)))
	}
	return problems
}

// apart returns the errors that were joined into err.
func apart(err error) (problems []error) {
	if err == nil {
		return nil
	}
	joined, isJoined := err.(interface{ Unwrap() []error })
	if !isJoined {
		return []error{err}
	}
	for _, one := range joined.Unwrap() {
		problems = append(problems, apart(one)...)
	}
	return problems
}

// Unused returns the settings that are set and that the codec called used does not
// read. It may be empty: nothing reads them. A setting may be in it twice.
func (all All) Unused(used string) (unused []string) {
	read := map[string]bool{}
	if options, has := all[used]; has {
		for _, option := range codec.Fields(options) {
			read[TopSetting(used, option)] = true
		}
	}
	defaults := Defaults()
	for name, options := range all {
		unset := codec.Fields(defaults[name])
		for i, option := range codec.Fields(options) {
			setting := TopSetting(name, option)
			if !read[setting] && !reflect.DeepEqual(option.Value.Interface(), unset[i].Value.Interface()) {
				unused = append(unused, setting)
			}
		}
	}
	return unused
}

// TopSetting returns the setting right below output.websocket that an option is, or
// whose section it stands in.
func TopSetting(codecName string, option codec.Option) string {
	if option.Shared {
		return option.Key
	}
	return codecName
}
