// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"errors"
	"reflect"
	"slices"

	conf "github.com/elastic/elastic-agent-libs/config"

	"filebeat-websocket/outputs/codec"
)

// optionsFor says which settings are options of which codec. Those of others are
// read, so that a wrong key is an error, and not used.
var optionsFor = map[string][]string{
	"json":        {"json_date_key", "json_date_format"},
	"ltsv":        {"ltsv", "json_date_format"},
	"csv":         {"csv"},
	"gelf":        {"gelf"},
	"msgpack":     {"msgpack"},
	forwardFormat: {forwardFormat},
}

// ltsvOptions are all options of the ltsv codec.
type ltsvOptions struct {
	codec.LTSVOptions `config:",inline"`
	DateFormat        string `config:"json_date_format"`
}

// formatOptions returns the options of the codec that the preset names, nil if
// it has none.
func (c *config) formatOptions(codecName string) any {
	switch codecName {
	case "json":
		return codec.JSONDateOptions{Key: c.JSONDateKey, Format: c.JSONDateFormat}
	case "ltsv":
		return ltsvOptions{LTSVOptions: c.LTSV, DateFormat: c.JSONDateFormat}
	case "csv":
		return c.CSV
	case "gelf":
		return c.GELF
	case "msgpack":
		return c.Msgpack
	default:
		return nil
	}
}

// codecOptions returns them as the section that a codec reads.
func (c *config) codecOptions(codecName string) (*conf.C, error) {
	options := c.formatOptions(codecName)
	if options == nil {
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
	prefix := ""
	if slices.Contains(optionsFor[name], name) {
		prefix = name + "."
	}
	if options, ok := c.formatOptions(name).(interface{ Validate() error }); ok {
		problems = append(problems, underSection(prefix, options.Validate())...)
	}
	switch name {
	case "ltsv":
		date := codec.JSONDateOptions{Key: "time", Format: c.JSONDateFormat}
		problems = append(problems, underSection("", date.Validate())...)
	case "json":
		if c.JSONDateKey == "" && c.JSONDateFormat != "" {
			problems = append(problems, settingError("json_date_format", errors.New("needs json_date_key, the name of the field")))
		}
	case forwardFormat:
		problems = append(problems, c.Forward.validate()...)
	}
	return problems
}

// underSection names the setting in each of the errors that were joined into
// err, which name the key within its section.
func underSection(prefix string, err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, one := range joined.Unwrap() {
			all = append(all, underSection(prefix, one)...)
		}
		return all
	}
	return []error{errors.New("output." + outputName + "." + prefix + err.Error())}
}

// unusedOptions returns the settings that are set and that nothing reads, because
// they belong to another format.
func (c *config) unusedOptions() (names []string) {
	used := optionsFor[c.codecName()]
	if c.Codec.Namespace.IsSet() {
		used = nil
	}
	defaults := defaultConfig()
	for _, options := range optionsFor {
		for _, name := range options {
			if !slices.Contains(used, name) && !slices.Contains(names, name) && c.differs(&defaults, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// differs reports whether the setting of that name is not the same in both.
func (c *config) differs(other *config, name string) bool {
	for field := range reflect.TypeFor[config]().Fields() {
		if field.Tag.Get("config") == name {
			mine := reflect.ValueOf(c).Elem().FieldByIndex(field.Index).Interface()
			theirs := reflect.ValueOf(other).Elem().FieldByIndex(field.Index).Interface()
			return !reflect.DeepEqual(mine, theirs)
		}
	}
	return false
}
