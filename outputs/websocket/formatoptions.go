// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

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

// formatOptions are the options of all codecs that have some, by the names of the
// codecs. Those of codecs that are not used are read too, so that a wrong key is
// an error.
type formatOptions map[string]codec.Options

// defaultFormatOptions returns what the codecs have registered.
func defaultFormatOptions() formatOptions {
	all := formatOptions{}
	for _, name := range codec.Names() {
		if kind, err := codec.Get(name); err == nil && kind.Options != nil {
			all[name] = kind.Options()
		}
	}
	return all
}

// read decodes the options of all codecs and takes them out of the section. It
// returns their keys.
func (all formatOptions) read(section *settings.Section) ([]string, error) {
	var problems []error
	taken := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		places := placesOf(name, all[name])
		values, err := optionValues(name, section.Values, places)
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
func optionValues(codecName string, given map[string]any, places map[string]string) (map[string]any, error) {
	values := map[string]any{}
	if section := given[codecName]; section != nil {
		inner, isMap := section.(map[string]any)
		if !isMap {
			return nil, settingError(codecName, fmt.Errorf("expected a map, got '%s'", reflect.TypeOf(section).Kind()))
		}
		maps.Copy(values, inner)
	}
	for key, place := range places {
		if key != place {
			continue
		}
		if _, misplaced := values[key]; misplaced {
			return nil, settingError(codecName+"."+key, errors.New("unknown setting"))
		}
		if value, set := given[key]; set {
			values[key] = value
		}
	}
	return values, nil
}

// placesOf returns the settings, as they stand below output.websocket, of a codec's
// options by their keys. That of a shared option is its key.
func placesOf(codecName string, options codec.Options) map[string]string {
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

// codecOptions returns the options of a codec as the section that it reads, nil if
// it has none.
func (c *config) codecOptions(codecName string) (*conf.C, error) {
	options, has := c.Options[codecName]
	if !has {
		return nil, nil
	}
	return conf.NewConfigFrom(options)
}

// validateFormatOptions checks the options of the format that is used.
func (c *config) validateFormatOptions() (problems []error) {
	if c.Codec.Namespace.IsSet() {
		return nil // the codec checks its own section
	}
	name := c.codecName()
	if options, has := c.Options[name]; has {
		places := placesOf(name, options)
		for _, err := range apart(options.Validate()) {
			key, text, _ := strings.Cut(err.Error(), ": ")
			problems = append(problems, settingError(settingOf(name, key, places), errors.New(text)))
		}
	}
	if c.requests() != nil {
		problems = append(problems, c.Forward.validate()...)
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

// unusedOptions returns the settings that are set and that nothing reads, because
// they belong to another format.
func (c *config) unusedOptions() (unused []string) {
	defaults := defaultConfig()
	used := map[string]bool{}
	if options, has := c.Options[c.codecName()]; has && !c.Codec.Namespace.IsSet() {
		for _, option := range codec.Fields(options) {
			used[topSetting(c.codecName(), option)] = true
		}
	}
	for name, options := range c.Options {
		unset := codec.Fields(defaults.Options[name])
		for i, option := range codec.Fields(options) {
			setting := topSetting(name, option)
			if !used[setting] && !reflect.DeepEqual(option.Value.Interface(), unset[i].Value.Interface()) {
				unused = append(unused, setting)
			}
		}
	}
	if c.requests() == nil && c.Forward != defaults.Forward {
		unused = append(unused, forwardSection)
	}
	slices.Sort(unused)
	return slices.Compact(unused)
}

// topSetting returns the setting right below output.websocket that an option is, or
// whose section it stands in.
func topSetting(codecName string, option codec.Option) string {
	if option.Shared {
		return option.Key
	}
	return codecName
}
